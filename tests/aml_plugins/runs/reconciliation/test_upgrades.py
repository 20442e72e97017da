"""A store that an installation of a newer version has changed, under monitors of this one."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.context import open_context
from aml_plugins.errors import StoreSchemaError
from aml_plugins.runs.reconciliation.monitor import Monitor

PATIENCE = 200.0


def test_a_monitor_that_does_not_know_the_tables_any_more_ends_and_holds_no_run(aml_home: Path, tmp_path: Path) -> None:
    """Else its leases would keep the run from the monitor of a newer version for as long as it lives."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print('hello')")
    workspace, context, stop = Workspace.create("team-a"), open_context(None), threading.Event()
    config = ScriptRunConfig(tmp_path / "src", script="train.py", compute_target="local")
    run = Experiment(workspace, "iris").submit(config)
    workspace.driver.release()
    monitor = Monitor(context)
    with closing(sqlite3.connect(aml_home / "aml.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")

    forever = threading.Timer(PATIENCE, stop.set)
    forever.start()
    with pytest.raises(StoreSchemaError, match="pip install --upgrade mlflow"):
        monitor.run(stop)
    forever.cancel()

    found = context.store.runs.get("team-a", run.id)
    assert found.state in {"Queued", "Running", "Finalizing"}
    assert found.lease_owner is None
    context.close()
