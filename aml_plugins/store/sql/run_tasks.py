"""The task that each run has, and its events; written in the transaction that moves the run."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, update

from aml_plugins.runs.states import RunState
from aml_plugins.store.records import RunRecord, TaskEvent, TaskRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.rows import row_of
from aml_plugins.store.sql.tasks import append_event

__all__ = ["add_task", "move_task"]

_T = tables.tasks
_KIND = "run"
_INSERT = insert(_T)
_UPDATE = update(_T).where(_T.c.workspace == bindparam("of"), _T.c.task_id == bindparam("key"))

_S = RunState
_TASK_STATES: dict[RunState, str] = {
    _S.NOT_STARTED: "Queued",
    _S.PREPARING: "Queued",
    _S.QUEUED: "Queued",
    _S.RUNNING: "Running",
    _S.FINALIZING: "Running",
    _S.CANCEL_REQUESTED: "Running",
    _S.COMPLETED: "Completed",
    _S.FAILED: "Failed",
    _S.CANCELED: "Canceled",
}


def add_task(connection: Connection, run: RunRecord, message: str) -> None:
    """Write the task of a new run and its first event."""
    task = TaskRecord(
        workspace=run.workspace,
        task_id=run.run_id,
        kind=_KIND,
        subject=run.run_id,
        state=_TASK_STATES[RunState(run.state)],
        message=message,
        created_at=run.created_at,
        updated_at=run.updated_at,
    )
    connection.execute(_INSERT, row_of(task))
    append_event(connection, _event(run, None, message, None))


def move_task(connection: Connection, run: RunRecord, old: str, message: str, progress: float | None) -> None:
    """Bring the task to where its run is now; a new state or a message is an event, mere progress is not."""
    values: dict[str, object] = {"updated_at": run.updated_at, "state": _TASK_STATES[RunState(run.state)]}
    if message:
        values["message"] = message
    if progress is not None:
        values["progress"] = progress
    connection.execute(_UPDATE, values | {"of": run.workspace, "key": run.run_id})
    if message or old != run.state:
        append_event(connection, _event(run, old, message, progress))


def _event(run: RunRecord, old: str | None, message: str, progress: float | None) -> TaskEvent:
    moved = old != run.state
    return TaskEvent(
        workspace=run.workspace,
        task_id=run.run_id,
        kind=_KIND,
        subject=run.run_id,
        time=run.updated_at,
        old=old if moved else None,
        new=run.state if moved else None,
        progress=progress,
        message=message,
    )
