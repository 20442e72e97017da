"""Models and places in datastores as Airflow assets, which trigger DAGs."""

from __future__ import annotations

from aml_airflow.assets.aml import datastore_asset, model_asset

__all__ = ["datastore_asset", "model_asset"]
