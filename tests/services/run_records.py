"""Rows of runs, for tests that need no run behind them."""

from __future__ import annotations

import uuid
from typing import Any

from aml_plugins.store.records import RunRecord

__all__ = ["new_run"]


def new_run(**changes: Any) -> RunRecord:
    """Return a record that ``runs.add`` accepts, of a run of its own; keyword arguments replace its fields."""
    values: dict[str, Any] = {
        "workspace": "default",
        "run_id": uuid.uuid4().hex,
        "experiment_id": "1",
        "experiment_name": "iris",
        "target": "box",
        "target_type": "local",
        "state": "NotStarted",
        "script": "train.py",
        "config": {},
    }
    return RunRecord(**(values | changes))
