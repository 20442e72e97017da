"""Services."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import AlreadyExistsError, LeaseLostError, NotFoundError
from aml_plugins.json_types import JsonObject
from aml_plugins.store.records import ServiceRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.leased_rows import LeasedRows
from aml_plugins.store.sql.rows import columns_of

__all__ = ["SqlServices"]

_T = tables.services


class SqlServices(LeasedRows[ServiceRecord]):
    """Implements :class:`aml_plugins.store.interface.Services`."""

    def __init__(self, database: Database) -> None:
        # By its id: a service that was removed, and another under its name, are not the same.
        super().__init__(database, _T, ServiceRecord, key=("service_id",), kept=("desired",), word="service")

    def add(self, record: ServiceRecord) -> ServiceRecord:
        try:
            with self._database.writing() as connection:
                return self._insert(connection, self._fresh(record))
        except IntegrityError:
            raise AlreadyExistsError(
                f"Service {record.name!r} exists already in workspace {record.workspace!r}.",
                f"Choose another name, or update it with: aml service update {record.name}",
            ) from None

    def get(self, workspace: str, name: str) -> ServiceRecord:
        found = self._all(self._select.where(_T.c.workspace == workspace, _T.c.name == name))
        if not found:
            raise NotFoundError(
                f"There is no service {name!r} in workspace {workspace!r}.", "Look at: aml service list"
            )
        return found[0]

    def list(self, workspace: str | None = None) -> Sequence[ServiceRecord]:
        statement = self._select.order_by(_T.c.name)
        return self._all(statement if workspace is None else statement.where(_T.c.workspace == workspace))

    def request(self, record: ServiceRecord, desired: JsonObject) -> ServiceRecord:
        statement = (
            update(_T)
            .where(self._same(record), _T.c.revision == record.revision)
            .values(desired=desired, updated_at=time.time(), revision=_T.c.revision + 1)
            .returning(*columns_of(_T, ServiceRecord))
        )
        return self._written(statement, record)

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ServiceRecord]:
        return sorted(self._due(owner, workspace), key=lambda record: record.looked_at)

    def remove(self, record: ServiceRecord, *, owner: str) -> None:
        with self._database.writing() as connection:
            if not connection.execute(delete(_T).where(self._same(record), self._is_held_by(owner))).rowcount:
                raise LeaseLostError(f"The service '{record.name}' is driven by another process.", "Try again.")
