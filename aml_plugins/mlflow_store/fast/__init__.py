"""Set-based SQL where MLflow's tracking store reads and writes row by row.

Nothing is imported here: :mod:`aml_plugins.mlflow_store.fast.tracking` holds the mixin, and whoever leaves it out has
MLflow's own store.
"""
