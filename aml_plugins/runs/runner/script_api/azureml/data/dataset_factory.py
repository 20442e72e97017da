"""``azureml.data.dataset_factory``."""

from __future__ import annotations

from aml_script_run.placeholders import placeholder  # type: ignore[import-not-found]  # a sibling on the script's path
from aml_script_run.table_factories import (  # type: ignore[import-not-found]  # likewise
    FileDatasetFactory,
    TabularDatasetFactory,
)

DataType = placeholder("DataType")

__all__ = ["DataType", "FileDatasetFactory", "TabularDatasetFactory"]
