"""MLflow's tables without MLflow: the same columns, the same values, the same addresses."""

from __future__ import annotations

import math
import sqlite3
import uuid
from pathlib import Path

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.store.db.base_sql_model import Base
from mlflow.store.tracking.dbmodels import models as _models  # noqa: F401  fills the base's metadata
from mlflow.store.workspace.dbmodels import models as _workspaces  # noqa: F401  as above
from mlflow.utils.uri import append_to_uri_path
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH

from aml_plugins.context import open_run_history
from aml_plugins.mlflow_store.history import SqlRunHistory
from aml_plugins.mlflow_tables.places import below
from aml_plugins.mlflow_tables.reads import find_experiment
from aml_plugins.mlflow_tables.revision import KNOWN
from aml_plugins.mlflow_tables.tables import metadata
from aml_plugins.mlflow_tables.writes import TAG_CHARACTERS
from aml_plugins.workspace_names import describe_workspaces, list_workspaces


@pytest.fixture(scope="module")
def store_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"aml+sqlite:///{tmp_path_factory.mktemp('database')}/aml.db"


@pytest.fixture(scope="module")
def history(store_uri: str) -> SqlRunHistory:
    opened = open_run_history(store_uri, "default")
    assert isinstance(opened, SqlRunHistory)
    return opened


def new_run(history: SqlRunHistory, **options: object) -> str:
    run_id = uuid.uuid4().hex
    experiment = history.ensure_experiment("iris")
    history.create_run(run_id, experiment, **{"name": None, "tags": {}, **options})  # type: ignore[arg-type]
    return run_id


@pytest.mark.parametrize("table", metadata.tables.values(), ids=metadata.tables)
def test_the_columns_are_mlflows(table) -> None:
    theirs = Base.metadata.tables[table.name]
    for column in table.columns:
        assert isinstance(theirs.c[column.name].type, type(column.type)), column
    assert {column.name for column in table.primary_key} == {column.name for column in theirs.primary_key}


def test_what_mlflow_demands_of_a_row_is_given() -> None:
    for table in metadata.tables.values():
        demanded = {c.name for c in Base.metadata.tables[table.name].columns if not c.nullable}
        assert demanded <= {column.name for column in table.columns}, table.name


def test_the_revision_that_mlflow_makes_is_known(history: SqlRunHistory, store_uri: str) -> None:
    with sqlite3.connect(store_uri.partition(":///")[2]) as connection:
        assert set(connection.execute("SELECT version_num FROM alembic_version").fetchall()[0]) <= KNOWN


def test_a_tag_is_as_long_as_mlflows_may_be() -> None:
    assert TAG_CHARACTERS == MAX_TAG_VAL_LENGTH


@pytest.mark.parametrize(
    "uri",
    [
        "file:///var/aml/artifacts/1",
        "/var/aml/artifacts/1",
        "/var/aml/with space/1/",
        "file:///var/a%20b/1",
        "s3://bucket/path",
        "s3://bucket",
        "gs://bucket/path?versions=true",
        "aml-datastore://blob/mlflow/team-a/1",
        "dbfs:/path/1",
        "mlflow-artifacts:/1",
    ],
)
def test_an_address_below_another_is_mlflows(uri: str) -> None:
    assert below(uri, "0" * 32, "artifacts") == append_to_uri_path(uri, "0" * 32, "artifacts")


def test_a_run_is_read_as_mlflow_reads_it(history: SqlRunHistory) -> None:
    run_id = new_run(history, tags={"kind": "x" * 9000}, user="me", start_time=7)
    tracking, _ = history.open_mlflow()
    points = [(math.nan, 1, 0), (2.0, 1, 1), (math.inf, 2, 1), (-1.5, 2, 1), (3.0, 1, 0)]
    metrics = [Metric("loss", value, at, step) for value, at, step in points] + [Metric("nan", math.nan, 1, 0)]
    tracking.log_batch(run_id, metrics, [Param("alpha", "0.5")], [RunTag("später", "grün")])
    history.set_status(run_id, "FINISHED", end_time=99, tags={"kind": "short"})
    theirs, ours = tracking.get_run(run_id), history.get(run_id)
    assert (ours.name, ours.status, ours.start_time, ours.end_time) == (
        theirs.info.run_name,
        theirs.info.status,
        theirs.info.start_time,
        theirs.info.end_time,
    )
    assert (ours.artifact_uri, ours.experiment_id) == (theirs.info.artifact_uri, theirs.info.experiment_id)
    assert repr(dict(ours.metrics)) == repr(dict(theirs.data.metrics))  # as text: NaN equals itself
    assert (ours.params, ours.tags) == (theirs.data.params, theirs.data.tags)
    read = [(point.value, point.timestamp, point.step) for point in history.metric_history(run_id, "loss")]
    expected = [(m.value, m.timestamp, m.step) for m in tracking.get_metric_history(run_id, "loss")]
    assert repr(read) == repr(expected)


def test_a_run_of_ours_has_every_field_of_one_that_mlflow_made(history: SqlRunHistory, store_uri: str) -> None:
    tracking, _ = history.open_mlflow()
    ours = new_run(history, name="ours", start_time=5)
    experiment = history.ensure_experiment("iris")
    theirs = tracking.create_run(experiment, "", 5, [], "ours").info.run_id
    history.set_status(theirs, "SCHEDULED")
    fields = "source_type, source_name, entry_point_name, user_id, start_time, source_version, lifecycle_stage"
    statement = f"SELECT name, status, end_time, experiment_id, deleted_time, {fields} FROM runs WHERE run_uuid = ?"
    with sqlite3.connect(store_uri.partition(":///")[2]) as connection:
        rows = [connection.execute(statement, (run_id,)).fetchone() for run_id in (ours, theirs)]
    assert rows[0] == rows[1]


def test_children_come_in_the_order_in_which_they_began(history: SqlRunHistory) -> None:
    parent = new_run(history)
    late, early = (new_run(history, parent_run_id=parent, start_time=at) for at in (9, 3))
    gone = new_run(history, parent_run_id=parent, start_time=1)
    history.open_mlflow()[0].delete_run(gone)
    assert [child.run_id for child in history.children(parent)] == [early, late]


def test_a_run_without_a_name_gets_one(history: SqlRunHistory) -> None:
    name = history.get(new_run(history)).name
    assert len(name.split("-")) == 3


def test_an_experiment_of_another_workspace_is_none(history: SqlRunHistory) -> None:
    history.ensure_experiment("iris")
    assert find_experiment(history._database, "default", "iris") is not None
    assert find_experiment(history._database, "team-x", "iris") is None


def test_workspaces_are_mlflows(history: SqlRunHistory, store_uri: str) -> None:
    from aml_plugins.mlflow_store import workspaces

    workspaces.create_workspace(store_uri, "team-z", description="of z")
    assert list_workspaces(store_uri) == list(workspaces.list_workspaces(store_uri))
    assert describe_workspaces(store_uri) == workspaces.describe_workspaces(store_uri)


def test_an_empty_database_gets_mlflows_tables_before_it_is_read(tmp_path: Path) -> None:
    assert list_workspaces(f"aml+sqlite:///{tmp_path}/new.db") == ["default"]
