"""Whether a database has MLflow's tables as they are known here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.store.sql.schema import stored_revision

if TYPE_CHECKING:
    from aml_plugins.store.sql.database import Database

__all__ = ["KNOWN", "are_ready"]

KNOWN = frozenset({"dc11669786a5"})
"""Newest revisions of MLflow's releases that were tested (3.17). Any other is for MLflow itself to make, migrate or
refuse; it does so when it opens the database."""

_VERSION_TABLE = "alembic_version"


def are_ready(database: Database) -> bool:
    """Say whether nothing has to be made or migrated before the tables are used.

    :raises StoreError: where the database cannot be asked.
    """
    return stored_revision(database, _VERSION_TABLE) in KNOWN
