"""Bring a database to the newest revision, whoever else opens it at the same moment."""

from __future__ import annotations

import threading
import time

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from aml_plugins.errors import StoreError, StoreSchemaError
from aml_plugins.store.sql.database import Database, database_url
from aml_plugins.store.sql.failures import missing_table, shown

__all__ = ["HEAD", "REVISIONS", "VERSION_TABLE", "ensure_schema", "has_schema", "stored_revision"]

VERSION_TABLE = "aml_alembic_version"
REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""All revisions, oldest first; kept here so that opening an up-to-date database needs no Alembic."""
HEAD = REVISIONS[-1]

# "aml_plug" as a number: the key of the advisory lock that migrations take on PostgreSQL.
_ADVISORY_LOCK = 0x616D6C5F706C7567
_WAL_ATTEMPTS = 300
_WAL_PAUSE = 0.1

# Alembic's ``op`` and ``context`` are global to the process.
_one_migration_at_a_time = threading.Lock()


def ensure_schema(database: Database) -> None:
    """Migrate where the stored revision is old; change nothing otherwise.

    :raises StoreSchemaError: where the stored revision is none that this installation knows.
    """
    if _our_revision(database) == HEAD:
        return
    with _one_migration_at_a_time:
        if database.is_sqlite:
            _use_wal(database)
        with database.writing() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            _migrate(connection, database)


def has_schema(plain: str) -> bool:
    """Say whether a database has our tables, of whatever revision that this installation knows; change nothing.

    :param plain: its URI without ``aml+``.
    """
    database = Database(database_url(plain))
    try:
        return _our_revision(database) is not None
    finally:
        database.close()


def stored_revision(database: Database, version_table: str) -> str | None:
    """Return the revision that a database's tables have by one of Alembic's tables, None where that is not there.

    :param version_table: its name, a constant.
    :raises StoreError: where the database cannot be asked.
    """
    try:
        with database.reading() as connection:
            found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {version_table}").scalar()  # noqa: S608  a constant
    except StoreError as error:
        if isinstance(error.__cause__, DBAPIError) and missing_table(error.__cause__):
            return None
        raise
    return found


def _our_revision(database: Database) -> str | None:
    revision = stored_revision(database, VERSION_TABLE)
    if revision is not None and revision not in REVISIONS:
        raise _unknown_revision(database, revision)
    return revision


def _use_wal(database: Database) -> None:
    """Let readers read while one writes. Kept in the file, so it is set once, when the tables are made."""
    for attempts_left in reversed(range(_WAL_ATTEMPTS)):
        try:
            with database.reading() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        except StoreError as error:
            # SQLite does not wait here while others have the file open, so this does.
            if attempts_left == 0 or "locked" not in error.what:
                raise
            time.sleep(_WAL_PAUSE)
        else:
            return


def _migrate(connection: Connection, database: Database) -> None:
    """Upgrade inside the caller's transaction, which also holds the lock: killed here, nothing has happened."""
    from alembic import command  # noqa: PLC0415  seldom needed, costs 0.1 s
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "aml_plugins.store.sql:migrations")
    config.attributes["connection"] = connection
    if not connection.in_transaction():
        connection.begin()  # else Alembic, which asks it, takes the transaction for its own, and ends it
    try:
        command.upgrade(config, "head")
    except CommandError as error:  # a newer installation was faster
        raise _unknown_revision(database, "another") from error


def _unknown_revision(database: Database, revision: str) -> StoreSchemaError:
    return StoreSchemaError(
        f"The database {shown(database.url)} has schema revision {revision!r}, this installation knows {HEAD!r}.",
        "Run: pip install --upgrade aml-plugins",
    )
