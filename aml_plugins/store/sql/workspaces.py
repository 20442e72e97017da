"""Settings of workspaces."""

from __future__ import annotations

import builtins
import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.store.records import WorkspaceRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.rows import columns_of, record_of, row_of

__all__ = ["SqlWorkspaces"]

_T = tables.workspaces
_SELECT = select(*columns_of(_T, WorkspaceRecord))
_FIND = _SELECT.where(_T.c.name == bindparam("key"))
_ACTIVE = select(tables.runs.c.run_id).where(tables.runs.c.workspace == bindparam("key"), tables.runs.c.active).limit(5)


class SqlWorkspaces:
    """Implements :class:`aml_plugins.store.interface.Workspaces`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: WorkspaceRecord) -> WorkspaceRecord:
        record = replace(record, created_at=record.created_at or time.time())
        try:
            with self._database.writing() as connection:
                connection.execute(insert(_T), row_of(record))
        except IntegrityError:
            raise AlreadyExistsError(
                f"Workspace {record.name!r} exists already.", "Use it, or choose a name."
            ) from None
        return record

    def get(self, name: str) -> WorkspaceRecord:
        record = self.find(name)
        if record is None:
            raise _not_found(name)
        return record

    def find(self, name: str) -> WorkspaceRecord | None:
        with self._database.reading() as connection:
            row = connection.execute(_FIND, {"key": name}).one_or_none()
        return None if row is None else record_of(WorkspaceRecord, row)

    def list(self) -> Sequence[WorkspaceRecord]:
        with self._database.reading() as connection:
            return [record_of(WorkspaceRecord, row) for row in connection.execute(_SELECT.order_by(_T.c.name))]

    def save(self, record: WorkspaceRecord) -> WorkspaceRecord:
        statement = update(_T).where(_T.c.name == record.name).values(settings=record.settings)
        with self._database.writing() as connection:
            if not connection.execute(statement).rowcount:
                raise _not_found(record.name)
        return self.get(record.name)

    def remove(self, name: str) -> None:
        with self._database.writing() as connection:
            active: builtins.list[str] = [row.run_id for row in connection.execute(_ACTIVE, {"key": name})]
            if active:
                raise InvalidInputError(
                    f"Workspace {name!r} has runs that have not ended: {', '.join(active)}.", "Cancel them first."
                )
            # Whoever creates a workspace of this name later must not find the old one's credentials in it.
            for table in (tables.compute_targets, tables.datastores):
                connection.execute(delete(table).where(table.c.workspace == name))
            if not connection.execute(delete(_T).where(_T.c.name == name)).rowcount:
                raise _not_found(name)


def _not_found(name: str) -> NotFoundError:
    return NotFoundError(f"There is no workspace {name!r}.", f"Create it with: aml workspace create {name}")
