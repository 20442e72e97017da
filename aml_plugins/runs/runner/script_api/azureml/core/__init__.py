"""``azureml.core`` inside a run: Run, Experiment, Workspace; other classes can be imported and say what to do."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from aml_script_run import Experiment, Run, Workspace, get_run  # type: ignore[import-not-found]  # on the script's path
from aml_script_run.placeholders import attribute_of_core  # type: ignore[import-not-found]  # likewise

__all__ = ["VERSION", "Experiment", "Run", "Workspace", "get_run"]
VERSION = __version__ = "1.61.0"
"""The azureml-core whose ``Run`` this is; scripts print it as ``azureml.core.VERSION``."""


_LATER = {"Dataset": "dataset", "Datastore": "datastore", "Environment": "environment", "Model": "model"}


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    if name in _LATER:
        return getattr(import_module(f"azureml.core.{_LATER[name]}"), name)
    if name.islower():
        try:
            return import_module(f"azureml.core.{name}")
        except ImportError:
            pass
    return attribute_of_core(name)
