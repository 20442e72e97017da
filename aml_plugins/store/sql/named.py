"""What has a name in a workspace: the four statements that compute targets and datastores share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import AlreadyExistsError, NotFoundError
from aml_plugins.store.records import ComputeTargetRecord, DatastoreRecord
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.rows import columns_of, record_of, record_of_values, row_of

__all__ = ["Named"]

RecordT = TypeVar("RecordT", ComputeTargetRecord, DatastoreRecord)


class Named(Generic[RecordT]):
    """Rows with a workspace and a name.

    :param word: what users call such a thing, for messages.
    :param how: the command that makes one.
    """

    def __init__(self, database: Database, table: Table, record_type: type[RecordT], word: str, how: str) -> None:
        self._database = database
        self._table = table
        self._type: type[RecordT] = record_type
        self._word = word
        self._how = how
        self._select = select(*columns_of(table, record_type)).order_by(table.c.name)
        self._list = Prepared(self._select.where(table.c.workspace == bindparam("of")))

    def add(self, record: RecordT) -> RecordT:
        stored = replace(record, created_at=record.created_at or time.time())
        try:
            with self._database.writing() as connection:
                connection.execute(insert(self._table), row_of(stored))
        except IntegrityError:
            raise AlreadyExistsError(
                f"{self._word} {record.name!r} exists already in workspace {record.workspace!r}.",
                "Choose another name, or remove the old one first.",
            ) from None
        return stored

    def get(self, workspace: str, name: str) -> RecordT:
        table = self._table
        with self._database.reading() as connection:
            row = connection.execute(
                self._select.where(table.c.workspace == workspace, table.c.name == name)
            ).one_or_none()
        if row is None:
            raise self.not_found(workspace, name)
        return record_of(self._type, row)

    def list(self, workspace: str) -> Sequence[RecordT]:
        with self._database.reading() as connection:
            rows = self._list.rows(connection, {"of": workspace})
        return [record_of_values(self._type, row) for row in rows]

    def not_found(self, workspace: str, name: str) -> NotFoundError:
        """Return the error for a name that is not there."""
        return NotFoundError(f"There is no {self._word.lower()} {name!r} in workspace {workspace!r}.", self._how)
