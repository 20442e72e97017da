"""Images: a scoring script, its models and its environment, as a versioned container image.

``image.py`` is what users call, ``building.py`` takes a version from its row to an image, ``oci_builder.py`` puts one
together without any daemon: base layers, environment, scoring server, models, application, in this order, so that a
changed script makes one new small layer.
"""
