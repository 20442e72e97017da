"""Compute targets that were created."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import AlreadyExistsError, LeaseLostError
from aml_plugins.json_types import JsonObject
from aml_plugins.store.records import ComputeTargetRecord, ProvisioningRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.compute_targets import lock_target, refuse_while_used
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.leased_rows import LeasedRows
from aml_plugins.store.sql.rows import columns_of, row_of

__all__ = ["SqlProvisionings"]

_T, _TARGETS = tables.provisionings, tables.compute_targets
_KEY = ("workspace", "name", "operation_id")


class SqlProvisionings(LeasedRows[ProvisioningRecord]):
    """Implements :class:`aml_plugins.store.provisionings.Provisionings`."""

    def __init__(self, database: Database) -> None:
        # By its operation: a target that was deleted, and another under its name, are not the same.
        super().__init__(
            database,
            _T,
            ProvisioningRecord,
            key=_KEY,
            kept=("desired",),
            due=~_T.c.settled,
            word="creation of compute target",
        )

    def add(self, record: ProvisioningRecord, target: ComputeTargetRecord) -> ProvisioningRecord:
        stored = self._fresh(record)
        try:
            with self._database.writing() as connection:
                connection.execute(insert(_TARGETS), {**row_of(target), "created_at": stored.created_at})
                connection.execute(insert(_T), row_of(stored))
        except IntegrityError:
            raise AlreadyExistsError(
                f"Compute target {record.name!r} exists already in workspace {record.workspace!r}.",
                "Choose another name, or remove the old one first.",
            ) from None
        return stored

    def find(self, workspace: str, name: str) -> ProvisioningRecord | None:
        found = self._all(self._select.where(_T.c.workspace == workspace, _T.c.name == name))
        return found[0] if found else None

    def list(self, workspace: str) -> Sequence[ProvisioningRecord]:
        return self._all(self._select.where(_T.c.workspace == workspace).order_by(_T.c.name))

    def request(self, record: ProvisioningRecord, desired: JsonObject) -> ProvisioningRecord:
        statement = (
            update(_T)
            .where(self._same(record), _T.c.revision == record.revision)
            .values(desired=desired, settled=False, updated_at=time.time(), revision=_T.c.revision + 1)
            .returning(*columns_of(_T, ProvisioningRecord))
        )
        if desired.get("absent"):
            with self._database.writing() as connection:
                lock_target(connection, record.workspace, record.name)
                refuse_while_used(connection, record.workspace, record.name)
        return self._written(statement, record)

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ProvisioningRecord]:
        return self._due(owner, workspace)

    def remove(self, record: ProvisioningRecord, *, owner: str) -> None:
        with self._database.writing() as connection:
            if not connection.execute(delete(_T).where(self._same(record), self._is_held_by(owner))).rowcount:
                raise LeaseLostError(f"The compute target '{record.name}' is driven by another process.", "Try again.")
            chosen = (_TARGETS.c.workspace == record.workspace, _TARGETS.c.name == record.name)
            connection.execute(delete(_TARGETS).where(*chosen))
