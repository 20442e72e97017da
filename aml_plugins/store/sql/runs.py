"""How runs execute: rows written by compare-and-set, each together with its task and event."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import AlreadyExistsError, NotFoundError
from aml_plugins.store.copies import changed
from aml_plugins.store.leases import LONGEST_LEASE_SECONDS
from aml_plugins.store.records import RunChange, RunRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.rows import columns_of, locked_in_order, record_of, record_of_values, row_of
from aml_plugins.store.sql.run_changes import is_active, write_changes
from aml_plugins.store.sql.run_leases import RunLeases
from aml_plugins.store.sql.run_tasks import add_task

__all__ = ["SqlRuns"]

_T = tables.runs
_SELECT = select(*columns_of(_T, RunRecord))
_FIND = Prepared(_SELECT.where(_T.c.run_id == bindparam("key")))
_FIND_MANY = Prepared(_SELECT.where(_T.c.run_id.in_(bindparam("ids", expanding=True))))
_FIND_BY_IDEMPOTENCY_KEY = _SELECT.where(_T.c.workspace == bindparam("of"), _T.c.idempotency_key == bindparam("key"))
_CANCELLATIONS = Prepared(
    select(_T.c.run_id, _T.c.cancel_requested_at).where(
        _T.c.cancel_requested_at.is_not(None), _T.c.run_id.in_(bindparam("ids", expanding=True))
    )
)


class SqlRuns(RunLeases):
    """Implements :class:`aml_plugins.store.interface.Runs`; the leases' part is in ``run_leases.py``."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._database = database

    def add(self, record: RunRecord, message: str = "") -> RunRecord:
        now = time.time()
        created = changed(record, created_at=record.created_at or now, updated_at=now, lease_until=_until(record, now))
        seconds = None if record.lease_until is None or self._database.has_our_clock else record.lease_until - now
        try:
            with self._database.writing() as connection:
                self.insert(connection, row_of(created) | {"active": is_active(record.state)}, seconds)
                add_task(connection, created, message)
        except IntegrityError:
            return self._earlier(record)
        return created

    def get(self, workspace: str, run_id: str) -> RunRecord:
        record = self.find(run_id)
        if record is None or record.workspace != workspace:
            raise _not_found(workspace, run_id)
        return record

    def find(self, run_id: str) -> RunRecord | None:
        with self._database.reading() as connection:
            rows = _FIND.rows(connection, {"key": run_id})
        return record_of_values(RunRecord, rows[0]) if rows else None

    def find_by_key(self, workspace: str, idempotency_key: str) -> RunRecord | None:
        with self._database.reading() as connection:
            row = connection.execute(_FIND_BY_IDEMPOTENCY_KEY, {"of": workspace, "key": idempotency_key}).one_or_none()
        return None if row is None else record_of(RunRecord, row)

    def get_many(self, run_ids: Collection[str]) -> Mapping[str, RunRecord]:
        if not run_ids:
            return {}
        with self._database.reading() as connection:
            rows = _FIND_MANY.rows(connection, {"ids": list(run_ids)})
        return {run.run_id: run for run in (record_of_values(RunRecord, row) for row in rows)}

    def list(
        self,
        workspace: str,
        *,
        states: Collection[str] = (),
        experiment: str | None = None,
        target: str | None = None,
        parent_run_id: str | None = None,
        limit: int = 100,
        before: tuple[float, str] | None = None,
    ) -> Sequence[RunRecord]:
        wanted = {_T.c.experiment_name: experiment, _T.c.target: target, _T.c.parent_run_id: parent_run_id}
        conditions = [column == value for column, value in wanted.items() if value is not None]
        if states:
            conditions.append(_T.c.state.in_(states))
        if before is not None:
            conditions.append(tuple_(_T.c.created_at, _T.c.run_id) < tuple_(*before))
        statement = _SELECT.where(_T.c.workspace == workspace, tables.listed_runs, *conditions)
        newest_first = statement.order_by(_T.c.created_at.desc(), _T.c.run_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [record_of(RunRecord, row) for row in connection.execute(newest_first)]

    def save(self, record: RunRecord, *, owner: str, message: str = "", progress: float | None = None) -> RunRecord:
        change = RunChange(run=record, message=message, progress=progress)
        with self._database.writing() as connection:
            stored, lost = write_changes(connection, [change], owner)
        if lost:
            raise lost[record.run_id]
        return stored[record.run_id]

    def save_all(self, changes: Sequence[RunChange], *, owner: str) -> Mapping[str, RunRecord]:
        if not changes:
            return {}
        with self._database.writing() as connection:
            return write_changes(connection, changes, owner)[0]

    def cancellations(self, run_ids: Collection[str]) -> Mapping[str, float]:
        if not run_ids:
            return {}
        with self._database.reading() as connection:
            return dict(_CANCELLATIONS.rows(connection, {"ids": list(run_ids)}))

    def request_cancel(self, workspace: str, run_id: str) -> RunRecord:
        mine = (_T.c.workspace == workspace) & (_T.c.run_id == run_id)
        statement = update(_T).where(mine, _T.c.active, _T.c.cancel_requested_at.is_(None))
        with self._database.writing() as connection:
            connection.execute(statement.values(cancel_requested_at=time.time()))
        return self.get(workspace, run_id)

    def mark_released(self, run_ids: Collection[str], *, released: bool) -> None:
        if not run_ids:
            return
        unset = _T.c.released_at.is_(None)
        chosen = locked_in_order(_T.c.run_id, _T.c.run_id.in_(run_ids), unset if released else ~unset)
        statement = update(_T).where(chosen)
        with self._database.writing() as connection:
            connection.execute(statement.values(released_at=time.time() if released else None))

    def _earlier(self, record: RunRecord) -> RunRecord:
        """Return the run that has this idempotency key already, perhaps since a moment ago."""
        key = record.idempotency_key
        earlier = None if key is None else self.find_by_key(record.workspace, key)
        if earlier is not None:
            return earlier
        raise AlreadyExistsError(f"Run {record.run_id!r} exists already.", "Choose another run id.")


def _until(record: RunRecord, now: float) -> float | None:
    return None if record.lease_until is None else min(record.lease_until, now + LONGEST_LEASE_SECONDS)


def _not_found(workspace: str, run_id: str) -> NotFoundError:
    return NotFoundError(f"There is no run {run_id!r} in workspace {workspace!r}.", "Look at: aml run list")
