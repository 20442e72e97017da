"""``azureml.core.run``."""

from __future__ import annotations

from aml_script_run import Run, _OfflineRun, _SubmittedRun, get_run  # type: ignore[import-not-found]  # on the script's path

from . import __getattr__  # noqa: F401 - the modules of Azure ML have the names of each other

__all__ = ["Run", "_OfflineRun", "_SubmittedRun", "get_run"]
