"""Our tables in a database: made, kept up to date, and no others touched."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from aml_plugins.errors import StoreSchemaError
from aml_plugins.store import records
from aml_plugins.store.opening import open_store, plain_uri
from aml_plugins.store.sql import schema, tables
from aml_plugins.store.sql.database import Database, database_url


@pytest.fixture
def store_uri(database_uri):
    """Schemas are a database's business."""
    return database_uri


@pytest.fixture
def database(store_uri):
    made = create_engine(database_url(plain_uri(store_uri)))
    yield made
    made.dispose()


def _dump(database) -> dict:
    """Return all tables with their columns and rows."""
    found = inspect(database)
    with database.connect() as connection:
        return {
            name: (
                [(column["name"], str(column["type"])) for column in found.get_columns(name)],
                sorted(map(str, connection.execute(text(f'SELECT * FROM "{name}"')))),
            )
            for name in found.get_table_names()
        }


def test_the_migrations_make_the_tables_that_the_code_uses(store, database):
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


def test_the_revisions_are_those_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", "aml_plugins.store.sql:migrations")
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(revisions)) == schema.REVISIONS


@pytest.mark.parametrize(
    ("table", "record", "hidden"),
    [
        (tables.workspaces, records.WorkspaceRecord, set()),
        (tables.compute_targets, records.ComputeTargetRecord, set()),
        (tables.datastores, records.DatastoreRecord, set()),
        (tables.snapshots, records.SnapshotRecord, set()),
        (tables.runs, records.RunRecord, {"active"}),
        (tables.tasks, records.TaskRecord, set()),
        (tables.task_events, records.TaskEvent, {"delivered"}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_column_is_named_as_its_field(table, record, hidden):
    assert {column.name for column in table.columns} - hidden == {field.name for field in fields(record)}


def test_all_names_are_ours(store, database):
    assert all(name.startswith("aml_") for name in inspect(database).get_table_names())


def test_tables_of_others_stay_as_they_are(store_uri, database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE runs (id INTEGER)"))
        connection.execute(text("INSERT INTO runs VALUES (7)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('of-mlflow')"))
    before = _dump(database)
    open_store(store_uri).close()
    after = _dump(database)
    assert {name: after[name] for name in before} == before
    assert "aml_runs" in after


def test_a_newer_database_is_refused_and_not_changed(store_uri, database):
    open_store(store_uri).close()
    with database.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    before = _dump(database)
    with pytest.raises(StoreSchemaError, match=rf"revision '9999'.*{schema.HEAD}.*pip install --upgrade"):
        open_store(store_uri)
    assert _dump(database) == before


def test_creations_of_an_older_database_have_no_maker(store_uri, database):
    open_store(store_uri).close()
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE aml_provisionings DROP COLUMN maker"))
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '0004'"))
        connection.execute(text("INSERT INTO aml_compute_targets VALUES ('default', 'pool', 'azure-batch', '{}', 1.0)"))
        connection.execute(
            text(
                "INSERT INTO aml_provisionings VALUES ('default', 'pool', 'a1', 'azure-batch', '{}', 'Creating', false,"
                " NULL, NULL, 'ann', 1.0, 1.0, 0, NULL, NULL)"
            )
        )
    store = open_store(store_uri)
    found = store.provisionings.find("default", "pool")
    store.close()
    assert (found.operation_id, found.user, found.maker) == ("a1", "ann", "")


def test_opening_twice_keeps_what_is_there(store_uri, database):
    open_store(store_uri).close()
    with database.begin() as connection:
        connection.execute(text("INSERT INTO aml_workspaces VALUES ('team-a', '{}', 1.0)"))
    before = _dump(database)
    store = open_store(store_uri)
    assert [workspace.name for workspace in store.workspaces.list()] == ["team-a"]
    store.close()
    assert _dump(database) == before


def test_opening_a_current_database_needs_neither_alembic_nor_mlflow(store_uri):
    open_store(store_uri).close()
    program = (
        "import sys; from aml_plugins.store.opening import open_store; open_store(sys.argv[1]).close();"
        "print([name for name in ('alembic', 'mlflow', 'sqlalchemy.orm', 'yaml', 'pydantic') if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", program, store_uri], capture_output=True, text=True, check=False)
    assert (finished.stdout.strip(), finished.stderr) == ("[]", "")


_MLFLOW = """
import sys
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from aml_plugins.store.opening import open_store

uri, artifacts, first = sys.argv[1:]
if first == "ours":
    open_store(uri).close()
theirs = WorkspaceAwareSqlAlchemyStore(uri, artifacts)
ours = open_store(uri)
from mlflow.utils.workspace_context import WorkspaceContext
with WorkspaceContext("default"):
    experiment = theirs.create_experiment("iris")
    theirs.create_run(experiment, "ann", 1, [], "first")
WorkspaceAwareSqlAlchemyStore(uri, artifacts)
assert [run.run_id for run in ours.runs.list("default")] == []
print("both")
"""


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_mlflow_and_we_share_a_database(tmp_path, first):
    arguments = [f"sqlite:///{tmp_path / 'shared.db'}", str(tmp_path), first]
    finished = subprocess.run([sys.executable, "-c", _MLFLOW, *arguments], capture_output=True, text=True, check=False)
    assert finished.stdout.strip() == "both", finished.stderr


def _stop_after_migrating(database: Database) -> None:
    with database.writing() as connection:
        schema._migrate(connection, database)
        raise ZeroDivisionError


def test_a_migration_that_is_cut_short_leaves_nothing(store_uri, database):
    ours = Database(database_url(plain_uri(store_uri)))
    with pytest.raises(ZeroDivisionError):
        _stop_after_migrating(ours)
    ours.close()

    assert inspect(database).get_table_names() == []
