"""A store as it is after months: the rows of many runs that have ended."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["add_earlier_runs"]

KEYS = {
    "aml_runs": ("run_id",),
    "aml_tasks": ("task_id", "subject"),
    "aml_task_events": ("task_id", "subject"),
    "runs": ("run_uuid",),
    "tags": ("run_uuid",),
}
NUMBERED = "sequence"


def add_earlier_runs(database: Path, run_id: str, runs: int) -> None:
    """Copy what a run that has ended left in each table, so many times, under other ids."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, keys in KEYS.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != NUMBERED]
            names = ", ".join(f'"{column}"' for column in columns)
            values = ", ".join("printf('%032x', i)" if column in keys else f'"{column}"' for column in columns)
            connection.execute(
                "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?)"
                f" INSERT INTO {table} ({names}) SELECT {values} FROM {table}, numbers WHERE {keys[0]} = ?",
                (runs, run_id),
            )
