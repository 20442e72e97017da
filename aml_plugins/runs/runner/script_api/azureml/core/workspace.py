"""``azureml.core.workspace``."""

from __future__ import annotations

from aml_script_run import Workspace  # type: ignore[import-not-found]  # a sibling on the script's path

from . import __getattr__  # noqa: F401 - the modules of Azure ML have the names of each other

__all__ = ["Workspace"]
