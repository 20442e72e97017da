"""What MLflow has no place for: the ``aml_*`` tables behind an interface (``interface.py``)."""
