"""``azureml.core.environment``: importable, not usable inside a run."""

from __future__ import annotations

from aml_script_run.placeholders import placeholder  # type: ignore[import-not-found]  # a sibling on the script's path

from . import __getattr__  # noqa: F401 - the modules of Azure ML have the names of each other

Environment = placeholder("Environment")

__all__ = ["Environment"]
