"""``azureml.core.model``: importable, not usable inside a run."""

from __future__ import annotations

from aml_script_run.placeholders import placeholder  # type: ignore[import-not-found]  # a sibling on the script's path

Model = placeholder("Model")

__all__ = ["Model"]
