"""Stored snapshots and who names them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import and_, bindparam, delete, exists, insert, select, text
from sqlalchemy.exc import IntegrityError

from aml_plugins.store.records import SnapshotRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.rows import columns_of, record_of, record_of_values, row_of

__all__ = ["SqlSnapshots"]

_T, _RUNS = tables.snapshots, tables.runs
_SELECT = select(*columns_of(_T, SnapshotRecord))
_FIND = Prepared(_SELECT.where(_T.c.workspace == bindparam("of"), _T.c.digest == bindparam("key")))
_NAMED = exists().where(
    and_(_RUNS.c.workspace == _T.c.workspace, _RUNS.c.snapshot_digest == _T.c.digest, _RUNS.c.released_at.is_(None))
)
_NO_NEW_RUNS = text(f"LOCK TABLE {_RUNS.name} IN SHARE MODE")


class SqlSnapshots:
    """Implements :class:`aml_plugins.store.interface.Snapshots`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, record: SnapshotRecord) -> SnapshotRecord:
        earlier = self.find(record.workspace, record.digest)
        if earlier is not None:
            return earlier
        stored = replace(record, created_at=record.created_at or time.time())
        try:
            with self._database.writing() as connection:
                connection.execute(insert(_T), row_of(stored))
        except IntegrityError:  # another process put it there in this moment
            return self.find(record.workspace, record.digest) or self.put(record)
        return stored

    def find(self, workspace: str, digest: str) -> SnapshotRecord | None:
        with self._database.reading() as connection:
            rows = _FIND.rows(connection, {"of": workspace, "key": digest})
        return record_of_values(SnapshotRecord, rows[0]) if rows else None

    def unreferenced(self, workspace: str | None = None) -> Sequence[SnapshotRecord]:
        statement = _SELECT.where(~_NAMED).order_by(_T.c.created_at, _T.c.digest)
        if workspace is not None:
            statement = statement.where(_T.c.workspace == workspace)
        with self._database.reading() as connection:
            return [record_of(SnapshotRecord, row) for row in connection.execute(statement)]

    def remove(self, workspace: str, digest: str) -> bool:
        statement = delete(_T).where(_T.c.workspace == workspace, _T.c.digest == digest, ~_NAMED)
        with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                # A run that is written down meanwhile waits, so that it does not find what goes.
                connection.execute(_NO_NEW_RUNS)
            return connection.execute(statement).rowcount > 0
