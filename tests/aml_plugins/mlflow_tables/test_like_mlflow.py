"""MLflow's tables without MLflow: the same columns, the same values, the same addresses."""

from __future__ import annotations

import math
import shutil
import sqlite3
import uuid
from pathlib import Path

import pytest
from mlflow.entities import Metric, Param, RunTag, Workspace
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.store.db.base_sql_model import Base
from mlflow.store.model_registry.dbmodels import models as _registry  # noqa: F401  fills the base's metadata
from mlflow.store.tracking.dbmodels import models as _models  # noqa: F401  fills the base's metadata
from mlflow.store.workspace import sqlalchemy_store
from mlflow.store.workspace.abstract_store import WorkspaceNameValidator
from mlflow.store.workspace.dbmodels import models as _workspaces  # noqa: F401  as above
from mlflow.utils.uri import append_to_uri_path
from mlflow.utils.validation import (
    MAX_TAG_VAL_LENGTH,
    _validate_model_name,
    _validate_model_version_tag,
)

from aml_plugins.context import open_run_history
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.mlflow_store.history import SqlRunHistory
from aml_plugins.mlflow_tables import model_writes
from aml_plugins.mlflow_tables.experiments import create_experiment
from aml_plugins.mlflow_tables.model_writes import is_plain
from aml_plugins.mlflow_tables.models import source_of, version_of_alias
from aml_plugins.mlflow_tables.places import below
from aml_plugins.mlflow_tables.reads import find_experiment
from aml_plugins.mlflow_tables.revision import KNOWN
from aml_plugins.mlflow_tables.tables import metadata
from aml_plugins.mlflow_tables.workspaces import CONTENTS, add_workspace
from aml_plugins.mlflow_tables.workspaces import is_plain as is_plain_workspace
from aml_plugins.mlflow_tables.writes import TAG_CHARACTERS
from aml_plugins.runs.history import ModelVersion
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import WorkspaceRecord
from aml_plugins.workspace_names import (
    create_workspace,
    describe_workspaces,
    list_workspaces,
    set_description,
    workspace_contents,
)


@pytest.fixture(scope="module")
def store_uri(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> str:
    return f"aml+sqlite:///{shutil.copy(migrated_database, tmp_path_factory.mktemp('database'))}"


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


def test_an_experiment_without_a_place_for_artifacts_takes_no_run(history: SqlRunHistory, store_uri: str) -> None:
    experiment = history.ensure_experiment("nowhere")
    with sqlite3.connect(store_uri.partition(":///")[2]) as connection:
        connection.execute("UPDATE experiments SET artifact_location = NULL WHERE experiment_id = ?", [experiment])
    with pytest.raises(InvalidInputError, match="no place for artifacts"):
        history.create_run(uuid.uuid4().hex, experiment, name=None, tags={})


def test_an_experiment_that_changes_while_a_run_is_submitted_is_read_again(
    history: SqlRunHistory, store_uri: str, tmp_path: Path
) -> None:
    experiment, (moved, refused) = history.ensure_experiment("restless"), (uuid.uuid4().hex for _ in range(2))
    with sqlite3.connect(store_uri.partition(":///")[2]) as connection:
        place = (str(tmp_path), experiment)
        connection.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", place)
    history.create_run(moved, experiment, name=None, tags={})
    assert history.get(moved).artifact_uri == f"{tmp_path}/{moved}/artifacts"
    history.open_mlflow()[0].delete_experiment(experiment)
    with pytest.raises(InvalidInputError, match="deleted"):
        history.create_run(refused, experiment, name=None, tags={})
    history.create_run(moved, experiment, name="stays", tags={})  # it is there, whatever became of its experiment
    assert history.get(moved).name != "stays"


def test_what_cannot_change_is_linked_and_other_files_are_copied(
    history: SqlRunHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    run, ours, theirs, snapshot = new_run(history), tmp_path / "home/a.txt", tmp_path / "b.txt", tmp_path / "s.zip"
    ours.parent.mkdir()
    for file in (ours, theirs, snapshot):
        file.write_text("content")
    history.upload(run, ours)
    history.upload(run, theirs)
    history.attach_snapshot(run, snapshot, "digest")
    assert [file.stat().st_nlink for file in (ours, theirs, snapshot)] == [2, 1, 2]


def test_workspaces_are_mlflows(history: SqlRunHistory, store_uri: str) -> None:
    from aml_plugins.mlflow_store import workspaces

    workspaces.create_workspace(store_uri, "team-z", description="of z")
    assert list_workspaces(store_uri) == list(workspaces.list_workspaces(store_uri))
    assert describe_workspaces(store_uri) == workspaces.describe_workspaces(store_uri)


def test_an_empty_database_gets_mlflows_tables_before_it_is_read(tmp_path: Path) -> None:
    assert list_workspaces(f"aml+sqlite:///{tmp_path}/new.db") == ["default"]


@pytest.mark.parametrize("root", [None, "s3://bucket/theirs"], ids=["default", "of-mlflows-workspace"])
def test_an_experiment_of_ours_has_every_field_of_one_that_mlflow_made(store_uri: str, root: str | None) -> None:
    from aml_plugins.mlflow_store import workspaces

    name = "team-e" if root else "team-d"
    workspaces._provider(store_uri).create_workspace(Workspace(name=name, default_artifact_root=root))
    history = open_run_history(store_uri, name)
    assert isinstance(history, SqlRunHistory)
    ours = history.ensure_experiment("ünser / one's")
    assert history._stores is None  # MLflow was not asked
    tracking, _ = history.open_mlflow()
    theirs = tracking.create_experiment("theirs")
    told = [tracking.get_experiment(one) for one in (ours, theirs)]
    assert [one.artifact_location.removesuffix(one.experiment_id) for one in told] == [
        f"{root}/" if root else f"{tracking.artifact_root_uri}/workspaces/{name}/"
    ] * 2
    assert {(one.lifecycle_stage, one.workspace) for one in told} == {("active", name)}
    assert all(one.creation_time == one.last_update_time > 1.6e12 for one in told)
    assert history.ensure_experiment("ünser / one's") == ours
    for odd in ("", "x" * 300):
        assert not create_experiment(history._database, name, odd, "file:///x", is_chosen=True)
    assert not create_experiment(history._database, name, "x", "mlflow-artifacts://host/x", is_chosen=True)


def test_a_version_of_ours_has_every_field_of_one_that_mlflow_made(history: SqlRunHistory, store_uri: str) -> None:
    _, registry = history.open_mlflow()
    run_id = new_run(history)
    for name in ("ours", "theirs"):
        source = f"file:///somewhere/{name}"
        if name == "ours":
            new = ModelVersion(name=name, version="", source=source, run_id=run_id, tags={"kind": "x"})
            model_writes.register_version(history._database, "default", new)
        else:
            registry.create_registered_model(name)
            registry.create_model_version(name, source, run_id, [ModelVersionTag("kind", "x")])
    left_out = ("name", "creation_time", "last_updated_time", "source", "storage_location")
    rows = {}
    with sqlite3.connect(store_uri.partition(":///")[2]) as connection:
        connection.row_factory = sqlite3.Row
        for table in ("registered_models", "model_versions", "model_version_tags"):
            for row in connection.execute(f"SELECT * FROM {table} WHERE name IN ('ours', 'theirs')"):
                kept = {key: row[key] for key in row.keys() if key not in left_out}  # noqa: SIM118  a Row is no mapping
                rows.setdefault(table, {})[row["name"]] = kept
    assert all(found["ours"] == found["theirs"] for found in rows.values()), rows
    assert len(rows) == 3


def test_models_are_read_as_mlflow_reads_them(history: SqlRunHistory) -> None:
    _, registry = history.open_mlflow()
    for name in ("read", "Read", "gone", "prompt"):
        tags = [RegisteredModelTag("mlflow.prompt.is_prompt", "true")] if name == "prompt" else []
        registry.create_registered_model(name, tags)
        for number in range(3):
            version_tags = [ModelVersionTag(tag.key, tag.value) for tag in tags] or [ModelVersionTag("n", str(number))]
            registry.create_model_version(name, f"file:///x/{name}", None, version_tags)
    registry.delete_model_version("read", "3")
    registry.delete_registered_model("gone")
    registry.set_registered_model_alias("read", "best", "1")
    found = {model.name: model for model in history.models()}
    assert [(found[name].version, found[name].tags) for name in ("read", "Read")] == [
        ("2", {"n": "1"}),
        ("3", {"n": "2"}),
    ]
    assert not {"gone", "prompt"} & set(found)
    assert list(found) == sorted(found)
    assert [(one.version, one.aliases) for one in history.models("read")] == [("2", []), ("1", ["best"])]
    assert list(history.models("prompt")) == list(registry.search_model_versions("name = 'prompt'"))
    for alias in ("best", "latest", "Latest"):
        theirs = registry.get_model_version_by_alias("read", alias)
        assert version_of_alias(history._database, "default", "read", alias) == str(theirs.version)
    assert source_of(history._database, "default", "read", "1") == registry.get_model_version_download_uri("read", "1")
    for missing in ((lambda: history.models("gone")), (lambda: history.version_of_alias("read", "worst"))):
        with pytest.raises(NotFoundError):
            missing()
    for version in ("3", "9", "x"):
        with pytest.raises(NotFoundError):
            source_of(history._database, "default", "read", version)


@pytest.mark.parametrize(
    "name",
    [
        "iris",
        "a",
        "a b.c-d_e",
        "",
        " ",
        ".",
        "..",
        "a/b",
        "a:b",
        "o'brien",
        "ä",
        "a ",
        "-",
        "x" * 251,
        "a\n",
        "a//b",
        "a/",
        "a/..",
        "/a",
        "mlflow.x",
    ],
)
def test_mlflow_takes_what_is_plain(name: str) -> None:
    for check, plain in (
        (_validate_model_name, is_plain(name, "file:///x", {})),
        (lambda key: _validate_model_version_tag(key, "v"), is_plain("iris", "file:///x", {name: "v"})),
        (WorkspaceNameValidator.validate, is_plain_workspace(name)),
    ):
        try:
            check(name)
        except MlflowException:
            assert not plain, check


def test_what_needs_mlflows_judgement_is_not_plain() -> None:
    assert not is_plain("iris", "models:/other/1", {})
    assert not is_plain("iris", "file:///" + "x" * 500, {})
    assert not is_plain("iris", "file:///x", {"key": "v" * 100_001})


@pytest.mark.parametrize(
    "name", ["ab", "a-b", "a" * 63, "a", "-ab", "ab-", "A-b", "a" * 64, "api", "apis", "workspaces"]
)
def test_names_of_workspaces_are_plain_where_mlflow_takes_them(name: str) -> None:
    try:
        WorkspaceNameValidator.validate(name)
    except MlflowException:
        assert not is_plain_workspace(name)
    else:
        assert is_plain_workspace(name)


def test_a_workspace_of_ours_is_one_of_mlflows(history: SqlRunHistory, store_uri: str) -> None:
    from aml_plugins.mlflow_store import workspaces

    assert add_workspace(store_uri, "team-o", "of ours")
    workspaces.create_workspace(store_uri, "team-t", description="of theirs")
    described = workspaces.describe_workspaces(store_uri)
    assert (described["team-o"], described["team-t"]) == ("of ours", "of theirs")
    for create in (
        lambda: add_workspace(store_uri, "team-t", None),
        lambda: workspaces.create_workspace(store_uri, "team-o"),
    ):
        with pytest.raises(AlreadyExistsError, match="already"):
            create()
    assert not add_workspace(store_uri, "Team", None)


def test_a_workspace_is_described_and_counted_as_mlflow_does_it(history: SqlRunHistory, store_uri: str) -> None:
    from aml_plugins.mlflow_store import workspaces

    assert tuple(kind.__tablename__ for kind in sqlalchemy_store._WORKSPACE_ROOT_MODELS) == CONTENTS
    create_workspace(store_uri, "team-c", description="before")
    registry = open_run_history(store_uri, "team-c").open_mlflow()[1]  # type: ignore[attr-defined]
    registry.create_registered_model("one")
    set_description(store_uri, "team-c", "after")
    assert workspaces.describe_workspaces(store_uri)["team-c"] == "after"
    assert (
        workspace_contents(store_uri, "team-c") == workspaces.workspace_contents(store_uri, "team-c") == {"models": 1}
    )
    for ask in (lambda: set_description(store_uri, "team-x", ""), lambda: workspace_contents(store_uri, "team-x")):
        with pytest.raises(NotFoundError):
            ask()


def test_what_is_left_of_an_earlier_workspace_is_for_mlflows_provider(history: SqlRunHistory, store_uri: str) -> None:
    store = open_store(store_uri)
    store.workspaces.add(WorkspaceRecord(name="team-l", settings={"deleted_at": 1.0}))
    assert not add_workspace(store_uri, "team-l", None)
    create_workspace(store_uri, "team-l")
    assert store.workspaces.find("team-l") is None
    store.close()
