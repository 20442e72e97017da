"""``azureml.core.workspace``."""

from __future__ import annotations

from aml_script_run import Workspace  # type: ignore[import-not-found]  # a sibling on the script's path

__all__ = ["Workspace"]
