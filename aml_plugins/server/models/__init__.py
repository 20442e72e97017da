"""What the REST API takes and gives, as its OpenAPI document shows it. Fields are those of ``store/records.py``."""
