"""What a run asks a database takes as long among ten thousand runs as among ten."""

from __future__ import annotations

import re
import sqlite3
import sqlite3.dbapi2
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.runs.reconciliation.monitor import Monitor

PATIENCE = 300.0
GROWING = {"aml_runs", "aml_tasks", "aml_task_events", "aml_snapshots", "runs", "tags", "params", "metrics"}
"""Tables that have the more rows the longer a workspace is used."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The statements that reach SQLite from now on, with their values."""
    found: set[str] = set()

    class Traced(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.set_trace_callback(found.add)

    monkeypatch.setattr(sqlite3.dbapi2, "connect", partial(sqlite3.connect, factory=Traced))
    return found


def test_no_statement_of_a_run_looks_through_a_table_that_grows(
    statements: set[str], aml_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "script.py").touch()
    with closing(Workspace.get("default")) as workspace:
        workspace.attach_compute("local", "one", max_parallel_runs=1)
        config = ScriptRunConfig(tmp_path / "src", script="script.py", compute_target="one")
        experiment = Experiment(workspace, "many")
        ids = [experiment.submit(config).id for _ in range(3)]
        workspace.driver.release()
        monitor, until = Monitor(workspace.context), time.monotonic() + PATIENCE
        while monitor.round()[0]:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert {run.state for run in workspace.context.store.runs.get_many(ids).values()} == {"Completed"}
        workspace.driver.release()
    with closing(sqlite3.connect(aml_home / "aml.db")) as database:
        asked = [text for text in statements if text.startswith(("SELECT", "UPDATE", "DELETE"))]
        scans = {(table, text) for text in asked for table in _scanned(database, text) if table in GROWING}
    assert len(asked) > len(ids)
    assert scans == set()


def _scanned(database: sqlite3.Connection, text: str) -> Iterator[str]:
    for *_, step in database.execute(f"EXPLAIN QUERY PLAN {text}"):
        found = re.match(r"SCAN (\w+)", step)
        if found:
            yield found[1]
