"""``azureml.data``: the kinds of data sets, for annotations and checks; what submits can be imported only."""

from __future__ import annotations

from typing import Any

from aml_script_run.data_sets import Data as FileDataset  # type: ignore[import-not-found]  # on the script's path
from aml_script_run.placeholders import placeholder  # type: ignore[import-not-found]  # likewise
from aml_script_run.tables import TabularDataset  # type: ignore[import-not-found]  # likewise

__all__ = ["FileDataset", "TabularDataset"]

_NAMES = (
    "DataType",
    "DatacacheStore",
    "HDFSOutputDatasetConfig",
    "LinkFileOutputDatasetConfig",
    "LinkTabularOutputDatasetConfig",
    "OutputFileDatasetConfig",
)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return placeholder(name)
    raise AttributeError(f"azureml.data of AML Plugins has no '{name}'.")
