"""What a script logs through the Azure ML v1 API, read as untrusted lines and replayed into MLflow.

``records.jsonl``, version 1: one JSON object a line, appended by any number of processes. ``format.py`` is its
definition; ``docs/reference/azureml-run-api.md`` says what arrives where.
"""

from __future__ import annotations

from aml_plugins.runs.records.azureml_metrics import as_azureml_metrics
from aml_plugins.runs.records.format import VERSION, child_run_id
from aml_plugins.runs.records.replay import ModelRequest, RecordReplay, SupportsTagRemoval

__all__ = ["VERSION", "ModelRequest", "RecordReplay", "SupportsTagRemoval", "as_azureml_metrics", "child_run_id"]
