"""``azureml.core.experiment``."""

from __future__ import annotations

from aml_script_run import Experiment  # type: ignore[import-not-found]  # a sibling on the script's path

__all__ = ["Experiment"]
