"""``azureml.core.model``."""

from __future__ import annotations

from aml_script_run.models import Model  # type: ignore[import-not-found]  # a sibling on the script's path

from . import __getattr__  # noqa: F401 - the modules of Azure ML have the names of each other

__all__ = ["Model"]
