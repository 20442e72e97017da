"""The task that each run has, and its events; written in the transaction that moves the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, bindparam, func, insert, update

from aml_plugins.runs.states import RunState
from aml_plugins.store.records import RunChange, RunRecord, TaskEvent, TaskRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.rows import row_of
from aml_plugins.store.sql.tasks import append_events

__all__ = ["add_task", "move_tasks"]

_T = tables.tasks
_KIND = "run"
_INSERT = Prepared(insert(_T).inline())
_OPEN = ("message", "progress", "result")
"""What a change may leave as it is."""
_UPDATE = Prepared(
    update(_T)
    .where(_T.c.workspace == bindparam("of"), _T.c.task_id == bindparam("key"))
    .values({name: func.coalesce(bindparam(f"new_{name}", type_=_T.c[name].type), _T.c[name]) for name in _OPEN})
)

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
    _INSERT.write(connection, row_of(task))
    append_events(connection, [_event(run, None, message, None, run.updated_at)])


def move_tasks(connection: Connection, moves: Iterable[tuple[str, Sequence[RunChange], RunRecord]]) -> None:
    """Bring tasks to where their runs are now; a new state or a message is an event, mere progress is not.

    :param moves: the state that a run had, what was changed, and the run as it is stored now.
    """
    updates: list[dict[str, object]] = []
    events: list[TaskEvent] = []
    for state, changes, run in moves:
        values = _values(state, changes, run)
        if values:
            updates.append(values)
        events += _events(state, changes, run.updated_at)
    if updates:
        _UPDATE.many(connection, updates)
    append_events(connection, events)


def _values(state: str, changes: Sequence[RunChange], run: RunRecord) -> dict[str, object]:
    """Return what of the task is to be written: of several changes, the last word counts."""
    progress = [change.progress for change in changes if change.progress is not None]
    messages = [change.message for change in changes if change.message]
    if not progress and not messages and all(change.run.state == state for change in changes):
        return {}
    now = RunState(run.state)
    result = {"run": run.run_id, "state": run.state, "exit_code": run.exit_code} if now.is_terminal else None
    return {
        "of": run.workspace,
        "key": run.run_id,
        "updated_at": run.updated_at,
        "state": _TASK_STATES[now],
        "new_message": messages[-1] if messages else None,
        "new_progress": progress[-1] if progress else None,
        "new_result": result,
    }


def _events(state: str, changes: Sequence[RunChange], now: float) -> Iterator[TaskEvent]:
    for change in changes:
        if change.message or change.run.state != state:
            yield _event(change.run, state, change.message, change.progress, now)
        state = change.run.state


def _event(run: RunRecord, old: str | None, message: str, progress: float | None, now: float) -> TaskEvent:
    moved = old != run.state
    return TaskEvent(
        workspace=run.workspace,
        task_id=run.run_id,
        kind=_KIND,
        subject=run.run_id,
        time=now,
        old=old if moved else None,
        new=run.state if moved else None,
        progress=progress,
        message=message,
    )
