"""A workspace as a team has it after some months."""

from __future__ import annotations

import time
import uuid

from sqlalchemy import insert

from aml_plugins.mlflow_store.workspaces import create_workspace
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import ComputeTargetRecord, RunRecord, TaskEvent, TaskRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.rows import row_of

WORKSPACE = "team-bench"
ENDINGS = ("Completed", "Completed", "Completed", "Failed", "Canceled")
ACTIVE = 25
STATES = ("Preparing", "Queued", "Running", "Finalizing", "Completed")
AT_ONCE = 1000


def fill(store_uri: str, count: int) -> str:
    """Write runs with their tasks and events; return the id of the newest, which MLflow knows too."""
    create_workspace(store_uri, WORKSPACE)
    store = open_store(store_uri)
    for number in range(12):
        store.compute_targets.add(ComputeTargetRecord(workspace=WORKSPACE, name=f"target-{number}", type="local"))
    runs = [_run(number, count) for number in range(count)]
    for start in range(0, count, AT_ONCE):
        _insert(store.database, runs[start : start + AT_ONCE])
    newest = runs[-1]
    _in_mlflow(store_uri, newest)
    store.close()
    return newest.run_id


def _run(number: int, count: int) -> RunRecord:
    active = number >= count - ACTIVE
    began = time.time() - (count - number) * 60
    return RunRecord(
        workspace=WORKSPACE,
        run_id=uuid.uuid4().hex,
        experiment_id="1",
        experiment_name=f"experiment-{number % 40}",
        target=f"target-{number % 12}",
        target_type="local",
        state="Running" if active else ENDINGS[number % len(ENDINGS)],
        script="train.py",
        config={"script": "train.py", "arguments": ["--alpha", str(number)], "environment_variables": {"A": "b"}},
        name=f"run-{number}",
        user=f"user-{number % 9}",
        created_at=began,
        started_at=began + 5,
        ended_at=None if active else began + 50,
        reason="The script ended with exit code 1." if ENDINGS[number % len(ENDINGS)] == "Failed" else None,
    )


def _insert(database, runs: list[RunRecord]) -> None:
    with database.writing() as connection:
        rows = [row_of(run) | {"active": run.state == "Running"} for run in runs]
        connection.execute(insert(tables.runs), rows)
        connection.execute(insert(tables.tasks), [row_of(_task(run)) for run in runs])
        connection.execute(insert(tables.task_events), [event for run in runs for event in _events(run)])


def _task(run: RunRecord) -> TaskRecord:
    return TaskRecord(
        workspace=WORKSPACE,
        task_id=run.run_id,
        kind="run",
        subject=run.run_id,
        state=run.state,
        progress=0.1 if run.state == "Running" else 1.0,
        message=f"Submitted to '{run.target}'.",
        created_at=run.created_at,
        updated_at=run.created_at,
    )


def _events(run: RunRecord) -> list[dict[str, object]]:
    found = []
    for old, new in zip(("NotStarted", *STATES), STATES, strict=False):
        event = TaskEvent(workspace=WORKSPACE, task_id=run.run_id, kind="run", subject=run.run_id, old=old, new=new)
        row = row_of(event) | {"time": run.created_at, "delivered": True}
        found.append({name: value for name, value in row.items() if name != "sequence"})
    return found


def _in_mlflow(store_uri: str, run: RunRecord) -> None:
    from aml_plugins.mlflow_store.history import open_history
    from aml_plugins.runs.history import Metric

    history = open_history(store_uri, WORKSPACE)
    history.create_run(run.run_id, history.ensure_experiment("experiment-0"), name=run.name, tags={})
    points = [Metric(f"metric-{key}", 1 / (step + 1), step, step) for key in range(20) for step in range(100)]
    history.log(run.run_id, metrics=points)
