"""Registered datastores."""

from __future__ import annotations

from sqlalchemy import delete

from aml_plugins.store.records import DatastoreRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.named import Named

__all__ = ["SqlDatastores"]

_T = tables.datastores


class SqlDatastores(Named[DatastoreRecord]):
    """Implements :class:`aml_plugins.store.interface.Datastores`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, _T, DatastoreRecord, "Datastore", "Look at: aml datastore list")

    def remove(self, workspace: str, name: str) -> None:
        with self._database.writing() as connection:
            gone = connection.execute(delete(_T).where(_T.c.workspace == workspace, _T.c.name == name))
            if not gone.rowcount:
                raise self.not_found(workspace, name)
