"""Registered datastores."""

from __future__ import annotations

from aml_plugins.store.records import DatastoreRecord
from aml_plugins.store.rest.connection import Connection
from aml_plugins.store.rest.named import Named

__all__ = ["RestDatastores"]


class RestDatastores(Named[DatastoreRecord]):
    """Implements :class:`aml_plugins.store.interface.Datastores`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, "datastores", DatastoreRecord)
