"""Registered datastores."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, select

from aml_plugins.errors import InvalidInputError
from aml_plugins.store.records import DatastoreRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.named import Named

__all__ = ["SqlDatastores"]

_T, _SNAPSHOTS = tables.datastores, tables.snapshots


class SqlDatastores(Named[DatastoreRecord]):
    """Implements :class:`aml_plugins.store.interface.Datastores`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, _T, DatastoreRecord, "Datastore", "Look at: aml datastore list")
        here = (_SNAPSHOTS.c.workspace == bindparam("of"), _SNAPSHOTS.c.datastore == bindparam("key"))
        self._count = select(func.count()).select_from(_SNAPSHOTS).where(*here)

    def remove(self, workspace: str, name: str) -> None:
        with self._database.writing() as connection:
            held = connection.execute(self._count, {"of": workspace, "key": name}).scalar_one()
            if held:
                raise InvalidInputError(
                    f"The datastore '{name}' holds {held} snapshots of runs.",
                    "Delete those runs in MLflow first, then run: aml workspace gc",
                )
            gone = connection.execute(delete(_T).where(_T.c.workspace == workspace, _T.c.name == name))
            if not gone.rowcount:
                raise self.not_found(workspace, name)
