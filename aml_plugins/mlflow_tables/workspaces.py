"""Names and descriptions of the workspaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import select

from aml_plugins.mlflow_tables.revision import are_ready
from aml_plugins.mlflow_tables.tables import workspaces
from aml_plugins.store.opening import plain_uri
from aml_plugins.store.sql.database import Database, database_url

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["described_workspaces"]


def described_workspaces(uri: str) -> Mapping[str, str] | None:
    """Return the workspaces' descriptions by name, empty where there is none; None where MLflow has to be asked.

    :raises StoreError: where the database cannot be asked.
    """
    database = Database(database_url(plain_uri(uri)))
    try:
        if not are_ready(database):
            return None
        with database.reading() as connection:
            return _described(connection)
    finally:
        database.close()


def _described(connection: Connection) -> Mapping[str, str]:
    rows = connection.execute(select(workspaces.c.name, workspaces.c.description))
    return {str(name): str(description or "") for name, description in rows}
