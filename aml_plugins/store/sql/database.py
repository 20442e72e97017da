"""A SQLite or PostgreSQL database: transactions that fail with sentences, and the clock that leases use."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Pool,
    PoolProxiedConnection,
    bindparam,
    cast,
    create_engine,
    event,
    func,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from aml_plugins.errors import InvalidInputError, MissingExtraError, StoreError
from aml_plugins.store.sql.failures import shown, store_error
from aml_plugins.store.sql.kept_connections import KeptConnections, Use
from aml_plugins.store.sql.server_connections import replace_ended

__all__ = ["Database", "database_url"]

_CONNECT_SECONDS = 10
_DEFAULT_SQLITE_TIMEOUT = 30.0


def database_url(uri: str) -> URL:
    """Return the URL with the driver that we use for it.

    :raises InvalidInputError: for anything but SQLite files and PostgreSQL.
    """
    try:
        url = make_url(uri)
    except ArgumentError:
        raise InvalidInputError("The store's URI cannot be read.", "Write aml+sqlite:///FILE.") from None
    backend = "postgresql" if url.get_backend_name() == "postgres" else url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise InvalidInputError(
            f"A store cannot be kept in {backend!r}.", "Use aml+sqlite:///FILE or aml+postgresql://USER@HOST/DATABASE."
        )
    if url.database in (None, "", ":memory:"):
        raise InvalidInputError(
            "A store needs a file: several processes work on it.", "Write aml+sqlite:///FILE with a path."
        )
    return url.set(drivername="sqlite")


class Database:
    """One pool of connections. Safe to share between threads, and to inherit over ``fork``."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        # A single statement needs no transaction around it; SQLite's connections are in that mode anyway.
        self._reading = self._engine if self.is_sqlite else self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._kept = KeptConnections(self._engine)
        self._pid = os.getpid()
        self._inherited: list[Pool | KeptConnections] = []

    @property
    def has_our_clock(self) -> bool:
        """Whether the time that leases are measured with is this machine's."""
        return self.is_sqlite

    def now(self) -> ColumnElement[float]:
        """Return the time that leases are measured with: the server's clock, or the only host's that there is."""
        if self.is_sqlite:
            return bindparam(None, callable_=time.time, type_=Double)
        return cast(func.extract("epoch", func.clock_timestamp()), Double)

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a connection for single statements that write nothing.

        :raises StoreError: where the database fails.
        """
        engine = self._after_fork(self._reading)
        return Use(self._kept, self._explained, writes=False) if self.is_sqlite else self._connected(engine)

    def writing(self) -> AbstractContextManager[Connection]:
        """Open a transaction; nothing of it stays if the block raises.

        On SQLite it holds the write lock from its start: two that read and then write would deadlock otherwise.

        :raises StoreError: where the database fails.
        """
        engine = self._after_fork(self._engine)
        return Use(self._kept, self._explained, writes=True) if self.is_sqlite else self._connected(engine, writes=True)

    def writing_once(self) -> AbstractContextManager[Connection]:
        """Open a connection for one statement that writes: a transaction by itself, whose begin and end nobody tells.

        :raises StoreError: where the database fails.
        """
        return self.reading()

    def close(self) -> None:
        """Close the pool's connections; the next use opens new ones."""
        engine = self._after_fork(self._engine)
        self._kept.close()
        engine.dispose()

    @contextmanager
    def _connected(self, engine: Engine, *, writes: bool = False) -> Iterator[Connection]:
        try:
            with engine.connect() as connection:
                yield connection
                if writes:
                    connection.commit()
        except PoolTimeoutError as error:
            raise StoreError(f"All connections to {shown(self.url)} are busy.", "Try again.") from error
        except DBAPIError as error:
            explained = self._explained(error)
            if explained is error:
                raise
            raise explained from error

    def _explained(self, error: DBAPIError) -> Exception:
        """Return the error to raise; the callers know what a taken key means."""
        is_taken = isinstance(error.orig, self._engine.dialect.loaded_dbapi.IntegrityError)
        return error if is_taken else store_error(error, self.url)

    def _after_fork(self, engine: Engine) -> Engine:
        if os.getpid() != self._pid:
            # The parent goes on with the inherited connections. Closing them here, which collecting them would do too,
            # could end the parent's sessions: keep them, untouched.
            self._inherited += [self._engine.pool, self._kept]
            self._kept = KeptConnections(self._engine)
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        return engine


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        max_overflow=-1,
        # Transactions begin where we say so: the driver's own guess would begin them too late.
        connect_args={"isolation_level": None, "timeout": _sqlite_timeout()},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: PoolProxiedConnection, _record: object) -> None:
    cursor = connection.cursor()
    # In WAL mode NORMAL loses no consistency, only the last commits when the machine (not the process) dies.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _sqlite_timeout() -> float:
    value = os.environ.get("AML_SQLITE_TIMEOUT", "")
    try:
        return float(value) if value else _DEFAULT_SQLITE_TIMEOUT
    except ValueError:
        raise InvalidInputError(
            f"AML_SQLITE_TIMEOUT is {value!r}, not a number of seconds.", "Set it to a number such as 30."
        ) from None


def _postgresql_engine(url: URL) -> Engine:
    options = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_SECONDS}
    try:
        engine = create_engine(url, hide_parameters=True, max_overflow=20, connect_args=options)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise MissingExtraError("A store in PostgreSQL", "server") from None
    replace_ended(engine)
    return engine
