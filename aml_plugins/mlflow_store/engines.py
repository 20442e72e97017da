"""Make MLflow's database ready for several processes."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlflow.store.db import utils as mlflow_db  # noqa: TID253  a leaf: imported when a store is opened
from sqlalchemy import URL, Engine, PoolProxiedConnection, event
from sqlalchemy.exc import DBAPIError

from aml_plugins.store.sql.failures import store_error

if TYPE_CHECKING:
    from aml_plugins.store.interface import Store

__all__ = ["close_together", "let_go", "making_tables", "prepare_database", "tune", "watch"]

_engines: dict[URL, weakref.WeakSet[Engine]] = {}
"""MLflow's engines in this process, by database."""


def prepare_database(engine: Engine) -> None:
    """Create MLflow's tables, one process at a time: its own stores do so unguarded, and the second one fails."""
    with making_tables(engine.url):
        mlflow_db._safe_initialize_tables(engine)  # noqa: SLF001  what its workspace provider does


@contextmanager
def making_tables(url: URL) -> Iterator[None]:
    """Say in a sentence what the database refuses while MLflow makes or migrates its tables: a full disk, mostly.

    :raises StoreError: instead of the driver's error.
    """
    try:
        yield
    except DBAPIError as error:
        raise store_error(error, url) from error


def tune(engine: Engine) -> None:
    """Let SQLite commit without waiting for the disk's platter, in a file that our migrations have put in WAL mode.

    MLflow sets its busy timeout and foreign keys with every session.
    """
    if engine.dialect.name != "sqlite" or event.contains(engine, "connect", _relax):
        return
    event.listen(engine, "connect", _relax)
    engine.dispose()  # connections that were opened before


def close_together(engine: Engine, store: Store) -> None:
    """Let our connections to the database end when MLflow's are ended, and the file of a SQLite database be whole then.

    People copy a database that MLflow let go of, as MLflow's own tests do; they know nothing of our write-ahead log.
    """
    store.close()
    watch(engine)
    known = weakref.ref(store)

    def close(_engine: Engine) -> None:
        ours = known()
        if ours is not None:
            ours.close()
        if engine.dialect.name == "sqlite":
            _write_log_back(str(engine.url.database))

    event.listen(engine, "engine_disposed", close)


def watch(engine: Engine) -> None:
    """Let :func:`let_go` find an engine."""
    _engines.setdefault(engine.url, weakref.WeakSet()).add(engine)


def let_go(engine: Engine) -> None:
    """Close the connections that nobody uses at this moment of all stores on the engine's database.

    Of all: SQLite closes no file while the process has another connection to it.
    """
    for one in [engine, *_engines.get(engine.url, ())]:
        one.dispose()


def _write_log_back(path: str) -> None:
    """Bring the write-ahead log into the file: the last connection that ends does, but MLflow may keep one."""
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, timeout=1.0)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:  # deleted or busy: it is somebody else's turn
        return


def _relax(connection: PoolProxiedConnection, _record: object) -> None:
    cursor = connection.cursor()
    # In WAL mode NORMAL loses no consistency, only the last commits when the machine (not the process) dies.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
