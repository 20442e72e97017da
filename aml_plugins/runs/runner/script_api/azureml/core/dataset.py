"""``azureml.core.dataset``: the run's data, and tables from paths and addresses."""

from __future__ import annotations

from aml_script_run.data_sets import Dataset  # type: ignore[import-not-found]  # a sibling on the script's path
from aml_script_run.table_factories import (  # type: ignore[import-not-found]  # likewise
    FileDatasetFactory,
    TabularDatasetFactory,
)

from . import __getattr__  # noqa: F401 - the modules of Azure ML have the names of each other

Dataset.Tabular = TabularDatasetFactory
Dataset.File = FileDatasetFactory

__all__ = ["Dataset"]
