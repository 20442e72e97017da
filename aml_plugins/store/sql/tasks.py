"""Long-running operations and their events."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import NotFoundError
from aml_plugins.store.records import TaskEvent, TaskRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.rows import columns_of, locked_in_order, record_of, record_of_values, row_of

__all__ = ["SqlTasks", "append_events"]

_T, _EVENTS = tables.tasks, tables.task_events
_QUEUED = "Queued"
_ACTIVE_STATES = (_QUEUED, "Running")
_SELECT = select(*columns_of(_T, TaskRecord))
_FIND = _SELECT.where(_T.c.workspace == bindparam("of"), _T.c.task_id == bindparam("key"))
_INSERT = insert(_T)
_UPDATE = update(_T).where(_T.c.workspace == bindparam("of"), _T.c.task_id == bindparam("key"))
_SELECT_EVENTS = select(*columns_of(_EVENTS, TaskEvent)).order_by(_EVENTS.c.sequence)
_INSERT_EVENT = Prepared(insert(_EVENTS).inline())  # inline: nobody asks for the new number
_UNDELIVERED = Prepared(
    _SELECT_EVENTS.where(_EVENTS.c.subject.in_(bindparam("subjects", expanding=True)), tables.undelivered)
)
_NUMBERED = _EVENTS.c.sequence.in_(bindparam("numbers", expanding=True))
_WITHIN = _EVENTS.c.workspace.in_(bindparam("workspaces", expanding=True))


def _deliver(*chosen: ColumnElement[bool]) -> Prepared:
    """Return what marks events; SQLite, which locks no rows, takes thrice as long to look for them in an order."""
    marked = update(_EVENTS).values(delivered=True)
    return Prepared(marked.where(locked_in_order(_EVENTS.c.sequence, *chosen)), on_sqlite=marked.where(*chosen))


_DELIVER, _DELIVER_WITHIN = _deliver(_NUMBERED), _deliver(_NUMBERED, _WITHIN)


def append_events(connection: Connection, events: Iterable[TaskEvent]) -> None:
    """Write events within the caller's transaction; the database numbers them in their order."""
    rows = [row_of(event) | {"delivered": False} for event in events]
    for row in rows:
        del row["sequence"]
    if rows:
        _INSERT_EVENT.many(connection, rows)


class SqlTasks:
    """Implements :class:`aml_plugins.store.interface.Tasks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, record: TaskRecord, *, message: str = "") -> TaskRecord:
        if message:
            record = replace(record, message=message)
        try:
            return self._put(record, message)
        except IntegrityError:  # another process inserted it between our look and our insert
            return self._put(record, message)

    def get(self, workspace: str, task_id: str) -> TaskRecord:
        with self._database.reading() as connection:
            row = connection.execute(_FIND, {"of": workspace, "key": task_id}).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no task {task_id!r} in workspace {workspace!r}.", "Look at: aml task list")
        return record_of(TaskRecord, row)

    def list(
        self,
        workspace: str,
        *,
        subject: str | None = None,
        active: bool = False,
        limit: int = 100,
        before: tuple[float, str] | None = None,
    ) -> Sequence[TaskRecord]:
        statement = _SELECT.where(_T.c.workspace == workspace)
        if subject is not None:
            statement = statement.where(_T.c.subject == subject)
        if active:
            statement = statement.where(_T.c.state.in_(_ACTIVE_STATES))
        if before is not None:
            statement = statement.where(tuple_(_T.c.created_at, _T.c.task_id) < tuple_(*before))
        newest_first = statement.order_by(_T.c.created_at.desc(), _T.c.task_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [record_of(TaskRecord, row) for row in connection.execute(newest_first)]

    def events(self, workspace: str, task_id: str, after: int = 0, limit: int = 1000) -> Sequence[TaskEvent]:
        statement = _SELECT_EVENTS.where(
            _EVENTS.c.workspace == workspace, _EVENTS.c.task_id == task_id, _EVENTS.c.sequence > after
        )
        with self._database.reading() as connection:
            return [record_of(TaskEvent, row) for row in connection.execute(statement.limit(limit))]

    def undelivered(self, subjects: Iterable[str]) -> Sequence[TaskEvent]:
        with self._database.reading() as connection:
            rows = _UNDELIVERED.rows(connection, {"subjects": list(subjects)})
        return [record_of_values(TaskEvent, row) for row in rows]

    def mark_delivered(self, sequences: Iterable[int], workspaces: Collection[str] | None = None) -> None:
        numbers = list(sequences)
        if not numbers:
            return
        values: dict[str, list[int] | list[str]] = {"numbers": numbers}
        if workspaces is not None:
            values["workspaces"] = list(workspaces)
        with self._database.writing_once() as connection:
            (_DELIVER if workspaces is None else _DELIVER_WITHIN).write(connection, values)

    def _put(self, record: TaskRecord, message: str) -> TaskRecord:
        now = time.time()
        with self._database.writing() as connection:
            keys = {"of": record.workspace, "key": record.task_id}
            row = connection.execute(_FIND.with_for_update(), keys).one_or_none()
            before = None if row is None else record_of(TaskRecord, row)
            if before is not None and record.state == _QUEUED:
                return before
            stored = _over(before, replace(record, created_at=record.created_at or now, updated_at=now))
            if before is None:
                connection.execute(_INSERT, row_of(stored))
            else:
                connection.execute(_UPDATE, keys | row_of(stored))
            if message or _changed(before, stored):
                append_events(connection, [_event(before, stored, message)])
        return stored


def _over(before: TaskRecord | None, record: TaskRecord) -> TaskRecord:
    """Return the record with what it leaves open as it was before."""
    if before is None:
        return record
    known = [far for far in (before.progress, record.progress) if far is not None]
    ended = before.state not in _ACTIVE_STATES
    return replace(
        record,
        created_at=before.created_at,
        message=record.message or before.message,
        progress=record.progress if ended else max(known, default=None),
        result=before.result if record.result is None and not ended else record.result,
    )


def _changed(before: TaskRecord | None, record: TaskRecord) -> bool:
    if before is None:
        return True
    return (before.state, before.progress, before.message) != (record.state, record.progress, record.message)


def _event(before: TaskRecord | None, record: TaskRecord, message: str) -> TaskEvent:
    old = before.state if before else None
    moved = old != record.state
    new_words = record.message if before is None or before.message != record.message else ""
    return TaskEvent(
        workspace=record.workspace,
        task_id=record.task_id,
        kind=record.kind,
        subject=record.subject,
        time=record.updated_at,
        old=old if moved else None,
        new=record.state if moved else None,
        progress=record.progress,
        message=message or new_words,
    )
