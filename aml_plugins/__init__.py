"""Submit scripts to any compute from MLflow and Airflow, and bring everything back."""

from __future__ import annotations

from aml_plugins._version import __version__

TYPE_CHECKING = False  # importing typing for its constant costs a third of what `aml --version` may take
if TYPE_CHECKING:
    from typing import Any

    from aml_plugins.data_reference import DataReference
    from aml_plugins.experiment import Experiment
    from aml_plugins.hookspecs import hookimpl
    from aml_plugins.images.image import Image
    from aml_plugins.images.inference import InferenceConfig
    from aml_plugins.model import Model
    from aml_plugins.runs.configuration import RunConfiguration
    from aml_plugins.runs.run import Run
    from aml_plugins.script_run_config import ScriptRunConfig
    from aml_plugins.services.service import Service
    from aml_plugins.tasks.task import Task
    from aml_plugins.workspace import Workspace

__all__ = [
    "DataReference",
    "Experiment",
    "Image",
    "InferenceConfig",
    "Model",
    "Run",
    "RunConfiguration",
    "ScriptRunConfig",
    "Service",
    "Task",
    "Workspace",
    "__version__",
    "hookimpl",
]

# Public names by the module that has them; imported on first use, because MLflow alone costs seconds.
_LAZY = {
    "DataReference": "aml_plugins.data_reference",
    "Experiment": "aml_plugins.experiment",
    "Image": "aml_plugins.images.image",
    "InferenceConfig": "aml_plugins.images.inference",
    "Model": "aml_plugins.model",
    "Run": "aml_plugins.runs.run",
    "RunConfiguration": "aml_plugins.runs.configuration",
    "ScriptRunConfig": "aml_plugins.script_run_config",
    "Service": "aml_plugins.services.service",
    "Task": "aml_plugins.tasks.task",
    "Workspace": "aml_plugins.workspace",
    "hookimpl": "aml_plugins.hookspecs",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  see above

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
