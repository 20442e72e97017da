"""Rows with a lease and a revision: taken, written and given up by single statements."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, insert, or_, select, true, update

from aml_plugins.errors import LeaseLostError
from aml_plugins.store.leases import LONGEST_LEASE_SECONDS, host_prefix, owner_is_dead
from aml_plugins.store.records import ImageRecord, ProvisioningRecord, ServiceRecord
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.rows import columns_of, record_of, record_of_values, row_of

__all__ = ["LeasedRows"]

RecordT = TypeVar("RecordT", ImageRecord, ProvisioningRecord, ServiceRecord)

_LEASE = frozenset({"lease_owner", "lease_until"})


class LeasedRows(Generic[RecordT]):
    """What images, services and created compute targets share.

    :param key: the columns of the primary key.
    :param kept: columns that the lease's holder does not write.
    :param due: which rows there is something to do for; all by default.
    :param word: what users call such a thing, for messages.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        record_type: type[RecordT],
        *,
        key: Collection[str],
        kept: Collection[str] = (),
        due: ColumnElement[bool] | None = None,
        word: str,
    ) -> None:
        self._database = database
        self._table = table
        self._type: type[RecordT] = record_type
        self._key = tuple(key)
        self._kept = frozenset(kept) | _LEASE
        self._word = word
        self._select = select(*columns_of(table, record_type))
        self._there_is_something_to_do = true() if due is None else due

    def save(self, record: RecordT, *, owner: str) -> RecordT:
        values = {name: value for name, value in row_of(record).items() if name not in self._kept}
        values |= {"updated_at": time.time(), "revision": self._table.c.revision + 1}
        statement = (
            update(self._table)
            .where(self._same(record), self._table.c.revision == record.revision, self._is_held_by(owner))
            .values(values)
            .returning(*columns_of(self._table, self._type))
        )
        return self._written(statement, record)

    def acquire(self, record: RecordT, owner: str, seconds: float) -> bool:
        now, table = self._database.now(), self._table
        values = {"lease_owner": owner, "lease_until": now + min(seconds, LONGEST_LEASE_SECONDS)}
        free = or_(self._is_free(), table.c.lease_owner.in_(self._dead(owner)))
        statement = update(table).where(self._same(record), or_(free, table.c.lease_owner == owner)).values(values)
        with self._database.writing() as connection:
            return connection.execute(statement).rowcount > 0

    def release(self, record: RecordT, owner: str) -> None:
        statement = update(self._table).where(self._same(record), self._table.c.lease_owner == owner)
        with self._database.writing() as connection:
            connection.execute(statement.values(lease_owner=None, lease_until=None))

    def _due(self, owner: str, workspace: str | None) -> Sequence[RecordT]:
        values: dict[str, Any] = {"owner": owner, "dead": self._dead(owner)}
        statement, statement_in = self._due_statements
        if workspace is not None:
            statement, values["of"] = statement_in, workspace
        with self._database.reading() as connection:
            return [record_of_values(self._type, row) for row in statement.rows(connection, values)]

    @cached_property
    def _due_statements(self) -> tuple[Prepared, Prepared]:
        """What a monitor asks each second: in all workspaces, and in one."""
        held_by = self._table.c.lease_owner
        dead = held_by.in_(bindparam("dead", expanding=True))
        free = or_(self._is_free(), held_by == bindparam("owner"), dead)
        found = self._select.where(free, self._there_is_something_to_do)
        return Prepared(found), Prepared(found.where(self._table.c.workspace == bindparam("of")))

    @cached_property
    def _neighbours(self) -> Prepared:
        column = self._table.c.lease_owner
        of_this_host = column.startswith(bindparam("host"), autoescape=False)
        return Prepared(select(column).distinct().where(of_this_host, column != bindparam("owner")))

    def _dead(self, owner: str) -> list[str]:
        """Return the owners of this host that ended without giving their leases up."""
        with self._database.reading() as connection:
            names = self._neighbours.rows(connection, {"host": host_prefix(), "owner": owner})
        return [name for (name,) in names if name and owner_is_dead(name)]

    def _is_free(self) -> ColumnElement[bool]:
        now, until = self._database.now(), self._table.c.lease_until
        free = (self._table.c.lease_owner.is_(None), until.is_(None), until <= now)
        return or_(*free, until > now + LONGEST_LEASE_SECONDS)

    def _is_held_by(self, owner: str) -> ColumnElement[bool]:
        # An expired lease that nobody took is as good as a fresh one: the clock may have gone forward.
        return self._table.c.lease_owner == owner

    def _same(self, record: RecordT) -> ColumnElement[bool]:
        return and_(*(self._table.c[name] == getattr(record, name) for name in self._key))

    def _written(self, statement: Any, record: RecordT) -> RecordT:
        with self._database.writing() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            raise LeaseLostError(
                f"The {self._word} '{record.name}' was changed by another process.", "Read it again, then try again."
            )
        return record_of(self._type, row)

    def _all(self, statement: Any) -> Sequence[RecordT]:
        with self._database.reading() as connection:
            return [record_of(self._type, row) for row in connection.execute(statement)]

    def _fresh(self, record: RecordT) -> RecordT:
        now = time.time()
        return replace(record, created_at=record.created_at or now, updated_at=now, revision=0)

    def _insert(self, connection: Connection, record: RecordT) -> RecordT:
        """Write a new row, its lease restated by the clock that leases are compared with."""
        row = row_of(record)
        if record.lease_until is not None:
            seconds = min(record.lease_until - time.time(), LONGEST_LEASE_SECONDS)
            row["lease_until"] = self._database.now() + seconds
        written = insert(self._table).values(row).returning(self._table.c.lease_until)
        return replace(record, lease_until=connection.scalar(written))
