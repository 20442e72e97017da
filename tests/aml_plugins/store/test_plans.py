"""What is asked for every run costs the same in a store of a million runs: SQLite finds its rows by an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from aml_plugins.mlflow_tables import reads, writes
from aml_plugins.store.sql import compute_targets, run_changes, run_tasks, runs, snapshots, tasks, workspaces
from aml_plugins.store.sql.database import Database, database_url
from aml_plugins.store.sql.prepared import Prepared, run

_MODULES = (compute_targets, run_changes, run_tasks, runs, snapshots, tasks, workspaces, reads, writes)
_STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in _MODULES
    for name, value in vars(module).items()
    if isinstance(value, Prepared)
}


@pytest.fixture(scope="module")
def connection(migrated_database: Path) -> Iterator[Connection]:
    opened = Database(database_url(f"sqlite:///{migrated_database}"))
    with opened.reading() as reading:
        yield reading
    opened.close()


def _plan(connection: Connection, prepared: Prepared) -> list[str]:
    binds = prepared._statement.compile(dialect=connection.dialect).binds
    open_ = {name: bind for name, bind in binds.items() if bind.expanding or bind.value is None}
    values = {name: ["a", "b"] if bind.expanding else 1 for name, bind in open_.items()}
    form = prepared._form(connection, values)
    assert form is not None
    explained = run(connection, f"EXPLAIN QUERY PLAN {form.text}", [1] * form.text.count("?"))
    steps = [str(row[3]) for row in explained]
    # What refers to a table that is written is in the plan, too; SQLite looks there only if something already misses.
    return [step for step in steps if step.split()[1] in form.text]


@pytest.mark.parametrize("name", sorted(_STATEMENTS))
def test_no_statement_reads_a_whole_table_or_all_of_a_workspace(connection: Connection, name: str) -> None:
    plan = _plan(connection, _STATEMENTS[name])
    assert [step for step in plan if step.startswith("SCAN") or step.endswith("(workspace=?)")] == []


def test_the_statements_are_found() -> None:
    assert {"tasks._UNDELIVERED", "runs._FIND", "run_changes._SAVE", "reads._PLACE"} <= {*_STATEMENTS}
