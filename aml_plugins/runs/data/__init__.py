"""What runs read from datastores and write to them: checked at submission, brought by the driver or the runner.

Where things lie in a job's directory (``runs/runner/data.py`` has the other half):

* ``data/NAME``: an input, unpacked from ``input-NAME.zip`` of the bundle, fetched from the addresses of
  ``input-NAME.json`` with the signatures of ``AML_DATA_SIGNATURES``, or reached by a link on the driver's own machine.
* ``uploads/aml-data/NAME``: an output; it comes home with the other uploads, and the driver stores it.
"""
