"""The process that a service's address belongs to: it passes requests on to versions, and outlives every one of them.

``python -m aml_scoring.front DIRECTORY PORT``. It does what ``routes.json`` in the directory says. It tells which
version of that file it follows, and which deployments have requests under way: in ``front.json``, or, with
``--control_port``, over HTTP. ``routes.json``::

    {"version": 3, "routes": [{"key": KEY, "host": "10.0.0.7", "port": 5001, "weight": 90}, ...], "keys": null}

``keys``: hexadecimal SHA-256 digests of what callers must send as their key; null: whoever likes may call.
"""
