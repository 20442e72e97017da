"""``azureml.core.run``."""

from __future__ import annotations

from aml_script_run import Run, _OfflineRun, _SubmittedRun, get_run  # type: ignore[import-not-found]  # on the script's path

__all__ = ["Run", "_OfflineRun", "_SubmittedRun", "get_run"]
