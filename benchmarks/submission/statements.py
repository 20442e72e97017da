"""What a bare store takes for the statements of many runs: recorded while they run, and played back without us.

The same statements with the same values in the same transactions, in the order of their ends, go to a copy of the
database through Python's ``sqlite3`` alone: neither SQLAlchemy nor MLflow nor anything of ours is in between.
"""

from __future__ import annotations

import pickle
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Recorder", "copy_database", "play"]

_OURS = ("BEGIN", "COMMIT")


@dataclass(slots=True)
class Transaction:
    """What one connection did between two ends: statements with their values, many sets of them or one."""

    statements: list[tuple[str, Any, bool]] = field(default_factory=list)
    ended: float = 0.0

    @property
    def writes(self) -> bool:
        return any(not text.lstrip().upper().startswith(("SELECT", "PRAGMA")) for text, _, _ in self.statements)


class Recorder:
    """Records all of SQLAlchemy's statements in this process, MLflow's and ours."""

    def __init__(self) -> None:
        self._open: dict[int, Transaction] = {}
        self.transactions: list[Transaction] = []

    def start(self) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._ended)
        event.listen(Engine, "rollback", self._ended)

    def save(self, path: Path) -> None:
        path.write_bytes(pickle.dumps(self.transactions))

    def _statement(self, connection: Any, *call: Any) -> None:
        _, text, values, _, many = call
        if not text.startswith(_OURS):
            self._open.setdefault(id(connection), Transaction()).statements.append((text, values, many))

    def _ended(self, connection: Any) -> None:
        done = self._open.pop(id(connection), None)
        if done is not None:
            done.ended = time.time()
            self.transactions.append(done)


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
