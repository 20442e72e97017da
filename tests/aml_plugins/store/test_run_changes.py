"""What a driver writes of a run on SQLite is no more than what changes, and no other index than those that it is in."""

from __future__ import annotations

import sqlite3
import sqlite3.dbapi2
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.store.interface import Store
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunChange, RunRecord


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that reach SQLite from now on, with their values."""
    found: list[str] = []

    class Traced(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.set_trace_callback(found.append)

    monkeypatch.setattr(sqlite3.dbapi2, "connect", partial(sqlite3.connect, factory=Traced))
    return found


@pytest.fixture
def sqlite_store(statements: list[str], tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"aml+sqlite:///{tmp_path / 'aml.db'}")
    yield opened
    opened.close()


def _updates(statements: list[str]) -> list[str]:
    return [text for text in statements if text.startswith("UPDATE aml_runs")]


def test_whether_a_run_is_active_is_written_when_that_changes(
    sqlite_store: Store, statements: list[str], new_run: Callable[..., RunRecord], owner: str
) -> None:
    going, ending = (sqlite_store.runs.add(new_run()) for _ in range(2))
    statements.clear()
    going = sqlite_store.runs.save(replace(going, state="Queued"), owner=owner)
    assert [" active=" in text for text in _updates(statements)] == [False]
    statements.clear()
    changes = [RunChange(run=replace(going, state="Running")), RunChange(run=replace(ending, state="Canceled"))]
    sqlite_store.runs.save_all(changes, owner=owner)
    assert [" active=" in text for text in _updates(statements)] == [True, True]
    assert [run.run_id for run in sqlite_store.runs.due(owner)] == [going.run_id]


def test_events_are_marked_without_looking_for_them_in_an_order(
    sqlite_store: Store, statements: list[str], new_run: Callable[..., RunRecord]
) -> None:
    run = sqlite_store.runs.add(new_run())
    (event,) = sqlite_store.tasks.undelivered([run.run_id])
    statements.clear()
    sqlite_store.tasks.mark_delivered([event.sequence], workspaces=[run.workspace])
    assert [text for text in statements if text.startswith("UPDATE") and "ORDER BY" not in text]
    assert sqlite_store.tasks.undelivered([run.run_id]) == []
