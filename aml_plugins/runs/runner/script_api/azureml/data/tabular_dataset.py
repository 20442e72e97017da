"""``azureml.data.tabular_dataset``."""

from __future__ import annotations

from aml_script_run.tables import TabularDataset  # type: ignore[import-not-found]  # a sibling on the script's path

__all__ = ["TabularDataset"]
