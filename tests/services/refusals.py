"""What a refused command has to look like, and a home in which nothing happened."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

__all__ = ["environment", "nothing_happened", "query", "refused"]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | more


def refused(done: subprocess.CompletedProcess[str], code: int, *sentences: str) -> None:
    """Assert that a command failed like an adult."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    assert "defect" not in done.stderr, done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith(("Usage:", "Try '")) and line.strip()]
    assert len(said) == 1, done.stderr
    for sentence in sentences:
        assert sentence in said[0], said[0]
    assert done.stdout == ""


def query(home: Path, statement: str) -> Sequence[tuple]:
    with closing(sqlite3.connect(home / "aml.db")) as connection:
        return connection.execute(statement).fetchall()


def nothing_happened(home: Path) -> None:
    """Assert that no row, no MLflow run, no experiment, no job directory and no slot is there."""
    for table in ("aml_runs", "aml_tasks", "aml_compute_targets", "runs"):
        assert query(home, f"SELECT * FROM {table}") == [], table
    assert query(home, "SELECT name FROM experiments WHERE name <> 'Default'") == []
    assert list(home.rglob("aml-*")) == []
