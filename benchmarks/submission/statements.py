"""What a bare store takes for the statements of many runs: recorded while they run, and played back without us.

The same statements with the same values in the same transactions, in the order of their ends, go to a copy of the
database through Python's ``sqlite3`` alone: neither SQLAlchemy nor MLflow nor anything of ours is in between.
"""

from __future__ import annotations

import pickle
import sqlite3
import sqlite3.dbapi2
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["Recorder", "copy_database", "play"]


@dataclass(slots=True)
class Transaction:
    """What one connection did between two ends: statements with their values, many sets of them or one."""

    statements: list[tuple[str, Any, bool]] = field(default_factory=list)
    ended: float = 0.0

    @property
    def writes(self) -> bool:
        return any(not text.lstrip().upper().startswith(("SELECT", "PRAGMA")) for text, _, _ in self.statements)


class Recorder:
    """Records what reaches SQLite's driver in this process, MLflow's and ours, on connections made from now on."""

    def __init__(self) -> None:
        self._records = False
        self._open: dict[int, Transaction] = {}
        self.transactions: list[Transaction] = []
        sqlite3.dbapi2.connect = partial(sqlite3.connect, factory=_connections(self))  # SQLAlchemy looks it up there

    def start(self) -> None:
        self._records = True

    def stop(self) -> None:
        self._records = False

    def save(self, path: Path) -> None:
        path.write_bytes(pickle.dumps(self.transactions))

    def statement(self, connection: sqlite3.Connection, text: str, values: Any, *, many: bool = False) -> None:
        """Note a statement; outside of a transaction, it is one."""
        if not self._records:
            return
        if text == "COMMIT":
            self.ended(connection)
        elif not text.startswith("BEGIN"):
            self._open.setdefault(id(connection), Transaction()).statements.append((text, values, many))
            if not connection.in_transaction:
                self.ended(connection)

    def ended(self, connection: sqlite3.Connection) -> None:
        done = self._open.pop(id(connection), None)
        if done is not None:
            done.ended = time.time()
            self.transactions.append(done)


def _connections(recorder: Recorder) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        def execute(self, text: str, values: Any = ()) -> sqlite3.Cursor:
            recorder.statement(self.connection, text, values)
            return super().execute(text, values)

        def executemany(self, text: str, values: Any) -> sqlite3.Cursor:
            values = list(values)
            recorder.statement(self.connection, text, values, many=True)
            return super().executemany(text, values)

    class Connection(sqlite3.Connection):
        def cursor(self, *arguments: Any) -> sqlite3.Cursor:
            return super().cursor(*(arguments or (Cursor,)))

        def execute(self, text: str, values: Any = ()) -> sqlite3.Cursor:
            return self.cursor().execute(text, values)

        def executemany(self, text: str, values: Any) -> sqlite3.Cursor:
            return self.cursor().executemany(text, values)

        def commit(self) -> None:
            recorder.ended(self)
            super().commit()

        def rollback(self) -> None:
            recorder.ended(self)
            super().rollback()

    return Connection


def copy_database(database: Path, copy: Path) -> None:
    """Copy a SQLite database as it is now, whoever works on it, with its journal's mode."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=WAL")


def play(database: Path, recordings: Iterable[Path]) -> dict[str, float]:
    """Play recordings back; return statements, transactions that write, seconds of wall and of processor time."""
    found: list[Transaction] = []
    for path in recordings:
        found += pickle.loads(path.read_bytes())
    found.sort(key=lambda transaction: transaction.ended)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        wall, processor = time.perf_counter(), time.process_time()
        for transaction in found:
            _one(connection, transaction)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return {
        "statements": sum(len(transaction.statements) for transaction in found),
        "transactions": sum(transaction.writes for transaction in found),
        "wall": wall,
        "processor": processor,
    }


def _one(connection: sqlite3.Connection, transaction: Transaction) -> None:
    if transaction.writes:
        connection.execute("BEGIN IMMEDIATE")
    for text, values, many in transaction.statements:
        cursor = connection.executemany(text, values) if many else connection.execute(text, values)
        cursor.fetchall()
    if transaction.writes:
        connection.execute("COMMIT")
