"""Settings of workspaces."""

from __future__ import annotations

import builtins
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.json_types import JsonObject
from aml_plugins.store.records import WorkspaceRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.rows import columns_of, record_of, record_of_values, row_of

__all__ = ["SqlWorkspaces"]

_T = tables.workspaces
_SELECT = select(*columns_of(_T, WorkspaceRecord))
_FIND = Prepared(_SELECT.where(_T.c.name == bindparam("key")))
_OF_RUNS = tables.runs.c.workspace == bindparam("key")
_ACTIVE = select(tables.runs.c.run_id).where(_OF_RUNS, tables.runs.c.active).limit(5)
_CREATED = select(tables.provisionings.c.name).where(tables.provisionings.c.workspace == bindparam("key")).limit(5)
_COUNT_ACTIVE = select(func.count()).where(_OF_RUNS, tables.runs.c.active)
_PARTS = ("aml_slots", "aml_provisionings", "aml_snapshots", "aml_tasks", "aml_task_events")
"""Tables whose rows live and die with the things that they are about: users do not count those."""
_COUNTED = {
    "aml_runs": (tables.runs.c.released_at.is_(None),),
    "aml_compute_targets": (tables.compute_targets.c.name != "local",),  # that is always there
}
"""Which rows of a table users see."""
_LAST = ("aml_datastores", "aml_snapshots")
"""Tables whose rows tell where files are that have to go first."""


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
            rows = _FIND.rows(connection, {"key": name})
        return record_of_values(WorkspaceRecord, rows[0]) if rows else None

    def list(self) -> Sequence[WorkspaceRecord]:
        with self._database.reading() as connection:
            return [record_of(WorkspaceRecord, row) for row in connection.execute(_SELECT.order_by(_T.c.name))]

    def save(self, record: WorkspaceRecord) -> WorkspaceRecord:
        statement = update(_T).where(_T.c.name == record.name).values(settings=record.settings)
        with self._database.writing() as connection:
            if not connection.execute(statement).rowcount:
                raise _not_found(record.name)
        return self.get(record.name)

    def save_if_unchanged(self, before: WorkspaceRecord, settings: JsonObject) -> WorkspaceRecord | None:
        # Settings are kept as text, and text that was read is written back the same: so equal means unchanged.
        statement = update(_T).where(_T.c.name == before.name, _T.c.settings == before.settings)
        with self._database.writing() as connection:
            if connection.execute(statement.values(settings=settings)).rowcount:
                return replace(before, settings=settings)
        self.get(before.name)
        return None

    def contents(self, name: str) -> Mapping[str, int]:
        found = {}
        with self._database.reading() as connection:
            for table in _tables_of_workspaces():
                if table.name not in _PARTS:
                    counted = select(func.count()).where(table.c.workspace == name, *_COUNTED.get(table.name, ()))
                    found[_plural(table)] = connection.execute(counted).scalar_one()
            found["runs that have not ended"] = connection.execute(_COUNT_ACTIVE, {"key": name}).scalar_one()
        return {word: count for word, count in found.items() if count}

    def empty(self, name: str) -> None:
        with self._database.writing() as connection:
            _refuse_while_active(connection, name)
            _delete_rows(connection, name, [table for table in _tables_of_workspaces() if table.name not in _LAST])

    def remove(self, name: str) -> None:
        with self._database.writing() as connection:
            _refuse_while_active(connection, name)
            # Whoever creates a workspace of this name later must find nothing of the old one in it.
            gone = _delete_rows(connection, name, _tables_of_workspaces())
            if not connection.execute(delete(_T).where(_T.c.name == name)).rowcount + gone:
                raise _not_found(name)


def _delete_rows(connection: Connection, name: str, of: Sequence[Table]) -> int:
    return sum(connection.execute(delete(table).where(table.c.workspace == name)).rowcount for table in of)


def _tables_of_workspaces() -> builtins.list[Table]:
    """Return the tables with rows of workspaces, those first that refer to others."""
    return [table for table in reversed(tables.metadata.sorted_tables) if "workspace" in table.c]


def _plural(table: Table) -> str:
    return table.name.removeprefix("aml_").replace("_", " ")


def _refuse_while_active(connection: Connection, name: str) -> None:
    active: list[str] = [row.run_id for row in connection.execute(_ACTIVE, {"key": name})]
    if active:
        raise InvalidInputError(
            f"Workspace {name!r} has runs that have not ended: {', '.join(active)}.", "Cancel them first."
        )
    created: builtins.list[str] = [row.name for row in connection.execute(_CREATED, {"key": name})]
    if created:  # nobody would delete what they cost any more
        raise InvalidInputError(
            f"Workspace {name!r} has compute targets that were created here: {', '.join(created)}.",
            "Delete them first with: aml compute delete NAME, or detach them to keep what they stand for.",
        )


def _not_found(name: str) -> NotFoundError:
    return NotFoundError(f"There is no workspace {name!r}.", f"Create it with: aml workspace create {name}")
