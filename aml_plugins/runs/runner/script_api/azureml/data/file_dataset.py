"""``azureml.data.file_dataset``."""

from __future__ import annotations

from aml_script_run.data_sets import Data as FileDataset  # type: ignore[import-not-found]  # a sibling on the script's path

__all__ = ["FileDataset"]
