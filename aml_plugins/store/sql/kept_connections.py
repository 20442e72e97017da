"""SQLite's connections stay open between their users: opening and closing one takes longer than a statement does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from aml_plugins.store.sql.prepared import run

__all__ = ["KeptConnections", "Use"]

_MOST = 5
"""So many stay open; of more users at a time, the last ones close theirs."""


class KeptConnections:
    """Open connections of an engine that nobody uses now. Safe to share between threads, not over ``fork``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._free: deque[Connection] = deque()

    def take(self) -> Connection:
        """Return a connection in which nothing is under way.

        :raises DBAPIError: where the database cannot be opened.
        """
        try:
            return self._free.pop()
        except IndexError:
            return self._engine.connect()

    def give_back(self, connection: Connection) -> None:
        """Take a connection back; what was not committed is undone."""
        if connection.in_transaction():
            connection.rollback()
        elif _driver(connection).in_transaction:
            _driver(connection).rollback()
        if len(self._free) < _MOST:
            self._free.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close those that nobody uses."""
        while self._free:
            self._free.pop().close()


class Use:
    """A kept connection for a block; with ``writes``, its transaction holds the write lock from its start.

    :param explain: returns what to raise in place of a database's error.
    """

    __slots__ = ("_connection", "_explain", "_kept", "_writes")

    def __init__(self, kept: KeptConnections, explain: Callable[[DBAPIError], Exception], *, writes: bool) -> None:
        self._kept = kept
        self._explain = explain
        self._writes = writes

    def __enter__(self) -> Connection:
        try:
            self._connection = self._kept.take()
            if self._writes:
                self._begin()
        except DBAPIError as error:
            raise self._explain(error) from error
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            try:
                if self._writes and kind is None:
                    self._commit()
            finally:
                self._kept.give_back(self._connection)
        except DBAPIError as refused:
            raise self._explain(refused) from refused
        if isinstance(error, DBAPIError):
            explained = self._explain(error)
            if explained is not error:
                raise explained from error

    def _begin(self) -> None:
        try:
            run(self._connection, "BEGIN IMMEDIATE")
        except BaseException:
            self._kept.give_back(self._connection)
            raise

    def _commit(self) -> None:
        if self._connection.in_transaction():  # SQLAlchemy has executed some of it
            self._connection.commit()
        else:
            run(self._connection, "COMMIT")


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection
