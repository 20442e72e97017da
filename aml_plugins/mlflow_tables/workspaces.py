"""Names, descriptions and contents of the workspaces, and new ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import column, func, select, table, text

from aml_plugins.errors import AlreadyExistsError
from aml_plugins.mlflow_tables.revision import are_ready
from aml_plugins.mlflow_tables.tables import workspaces
from aml_plugins.store.opening import plain_uri
from aml_plugins.store.sql.database import Database, database_url
from aml_plugins.store.sql.workspaces import SqlWorkspaces

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "CONTENTS", "WORDS", "add_workspace", "count_contents", "describe_workspace", "described_workspaces", "is_plain",
    "taken",
]  # fmt: skip

_PLAIN = re.compile(r"(?!(?:workspaces|api|ajax-api|static-files)\Z)[a-z0-9][-a-z0-9]{0,61}[a-z0-9]")
_CREATE = text("INSERT INTO workspaces (name, description) VALUES (:name, :description) ON CONFLICT DO NOTHING")
_DESCRIBE = text("UPDATE workspaces SET description = :description WHERE name = :name")
WORDS: Mapping[str, str] = {
    "registered_models": "models",
    "evaluation_datasets": "evaluation datasets",
    "secrets": "gateway secrets",
    "endpoints": "gateway endpoints",
    "model_definitions": "gateway model definitions",
    "budget_policies": "gateway budgets",
    "guardrails": "gateway guardrails",
    "mcp_servers": "MCP servers",
}
"""What users call the rows of MLflow's tables, where the table's name does not say it."""
CONTENTS = (
    "registered_models", "experiments", "evaluation_datasets", "webhooks", "secrets", "endpoints", "model_definitions",
    "budget_policies", "guardrails", "jobs", "mcp_servers",
)  # fmt: skip
"""Tables whose rows are of a workspace: those that MLflow counts before it deletes one."""


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


def describe_workspace(uri: str, name: str, description: str) -> bool:
    """Describe a workspace anew; False where MLflow has to do it, or to say that there is none of this name.

    :raises StoreError: where the database fails.
    """
    with _database(uri) as database:
        if not are_ready(database):
            return False
        with database.writing() as connection:
            return connection.execute(_DESCRIBE, {"name": name, "description": description}).rowcount > 0


def count_contents(uri: str, name: str) -> Mapping[str, int] | None:
    """Count what MLflow keeps of a workspace, by what users call it; what there is none of is left out.

    :returns: None where MLflow has to count, or to say that there is none of this name.
    :raises StoreError: where the database cannot be asked.
    """
    with _database(uri) as database:
        if not are_ready(database):
            return None
        with database.reading() as connection:
            if name not in _described(connection):
                return None
            counts = {kind: _count(connection, kind, name) for kind in CONTENTS}
    return {WORDS.get(kind, kind): count for kind, count in counts.items() if count}


def _count(connection: Connection, kind: str, name: str) -> int:
    rows = table(kind, column("workspace"))
    return connection.execute(select(func.count()).select_from(rows).where(rows.c.workspace == name)).scalar_one()


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
