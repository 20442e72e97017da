"""What databases say when they fail, in sentences of ours."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from aml_plugins.errors import StoreError

__all__ = ["locked", "missing_table", "shown", "store_error"]

_UNDEFINED_TABLE = "42P01"
_UNKNOWN_DATABASE = "3D000"
_BAD_LOGIN = "28"
_NO_PRIVILEGE = "42501"
_NO_SPACE = 1 << 20


def shown(url: URL) -> str:
    """Return how a database is called in messages: its file, or its URI without the password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def missing_table(error: DBAPIError) -> bool:
    """Say whether a statement failed because its table is not there."""
    return _state(error) == _UNDEFINED_TABLE or str(error.orig).startswith("no such table")


def locked(name: str) -> StoreError:
    """Return the error for a SQLite database that somebody keeps locked for longer than one waits."""
    return StoreError(
        f"The database {name} is locked by another process.",
        "End the process that keeps it locked, or wait longer for it with AML_SQLITE_TIMEOUT=SECONDS.",
    )


def store_error(error: DBAPIError, url: URL) -> StoreError:
    """Return the error to raise instead of the driver's."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_error(str(error.orig), url)
    return _postgresql_error(error, url)


def _sqlite_error(said: str, url: URL) -> StoreError:
    name = shown(url)
    if "is locked" in said:
        return locked(name)
    if "not a database" in said or "malformed" in said:
        return StoreError(
            f"The file {name} is not a usable SQLite database ({said}).",
            "Name another file, or restore a backup of it.",
        )
    if "unable to open" in said:
        return _cannot_open(Path(name))
    if "readonly" in said or "read-only" in said:
        return StoreError(
            f"The database {name} cannot be written.", "Make the file and its directory writable for your user."
        )
    if "is full" in said or ("disk I/O" in said and _is_full(Path(name).parent)):
        return StoreError(f"The disk that holds the database {name} is full.", "Free some space and try again.")
    return StoreError(f"The database {name} refused: {said}.", "Check the file with: sqlite3 FILE 'pragma quick_check'")


def _is_full(directory: Path) -> bool:
    """Say whether SQLite may have failed for want of space: its files beside the database cannot grow, or begin."""
    try:
        return shutil.disk_usage(directory).free < _NO_SPACE
    except OSError:
        return False


def _cannot_open(path: Path) -> StoreError:
    if path.is_dir():
        return StoreError(f"{path} is a directory, not a database file.", "Name a file in it.")
    if not path.parent.is_dir():
        return StoreError(
            f"The directory {path.parent} of the database {path.name} does not exist.", f"Run: mkdir -p {path.parent}"
        )
    able = os.access(path.parent, os.W_OK | os.X_OK)
    fix = "Check the permissions of the file." if able else f"Make {path.parent} writable for your user."
    return StoreError(f"The database {path} cannot be opened.", fix)


def _postgresql_error(error: DBAPIError, url: URL) -> StoreError:
    name, said, state = shown(url), _first_line(error), _state(error)
    if state == _UNKNOWN_DATABASE or ("database" in said and "does not exist" in said):
        return StoreError(f"The database {name} does not exist.", f"Run: createdb {url.database}")
    if state.startswith(_BAD_LOGIN) or "authentication failed" in said:
        return StoreError(f"The database {name} refused the login.", "Check user and password in the store's URI.")
    if state == _NO_PRIVILEGE:
        return StoreError(f"The database {name} denied it ({said}).", "Grant the store's user CREATE on the schema.")
    if error.connection_invalidated or not state:
        return StoreError(f"The database {name} cannot be reached ({said}).", "Check that the server runs; try again.")
    return StoreError(f"The database {name} refused: {said}.", "Look at the server's log for more.")


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error.orig).__name__
