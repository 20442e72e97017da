"""Names and descriptions of the workspaces, and new ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from aml_plugins.errors import AlreadyExistsError
from aml_plugins.mlflow_tables.revision import are_ready
from aml_plugins.mlflow_tables.tables import workspaces
from aml_plugins.store.opening import plain_uri
from aml_plugins.store.sql.database import Database, database_url
from aml_plugins.store.sql.workspaces import SqlWorkspaces

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["add_workspace", "described_workspaces", "is_plain", "taken"]

_PLAIN = re.compile(r"(?!(?:workspaces|api|ajax-api|static-files)\Z)[a-z0-9][-a-z0-9]{0,61}[a-z0-9]")
_CREATE = text("INSERT INTO workspaces (name, description) VALUES (:name, :description) ON CONFLICT DO NOTHING")


def is_plain(name: str) -> bool:
    """Say whether MLflow takes the name for a workspace."""
    return _PLAIN.fullmatch(name) is not None


def taken(name: str) -> AlreadyExistsError:
    """Return the error for a name that a workspace has."""
    return AlreadyExistsError(f"There is a workspace '{name}' already.", "Use it, or choose another name.")


def described_workspaces(uri: str) -> Mapping[str, str] | None:
    """Return the workspaces' descriptions by name, empty where there is none; None where MLflow has to be asked.

    :raises StoreError: where the database cannot be asked.
    """
    with _database(uri) as database:
        if not are_ready(database):
            return None
        with database.reading() as connection:
            return _described(connection)


def add_workspace(uri: str, name: str, description: str | None) -> bool:
    """Create a workspace, as MLflow's own store does.

    :returns: False where MLflow has to do it: for its tables, for the name, or because something is left of an earlier
        workspace of the name.
    :raises AlreadyExistsError: where the name is taken.
    :raises StoreError: where the database fails.
    """
    with _database(uri) as database:
        if not are_ready(database) or not is_plain(name):
            return False
        ours = SqlWorkspaces(database)
        is_left = ours.find(name) is not None or bool(ours.contents(name))
        with database.reading() as connection:
            if name in _described(connection):
                raise taken(name)
        if is_left:
            return False
        with database.writing() as connection:
            if not connection.execute(_CREATE, {"name": name, "description": description}).rowcount:
                raise taken(name)
    return True


@contextmanager
def _database(uri: str) -> Iterator[Database]:
    database = Database(database_url(plain_uri(uri)))
    try:
        yield database
    finally:
        database.close()


def _described(connection: Connection) -> Mapping[str, str]:
    rows = connection.execute(select(workspaces.c.name, workspaces.c.description))
    return {str(name): str(description or "") for name, description in rows}
