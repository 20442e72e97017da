"""What MLflow's own tests take for granted about its SQL stores holds for ours, put in their place.

Those tests open a store by a plain database URI, let go of the database through the store's engine, copy the file, look
into private methods and replace some of them.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, TEMPORARILY_UNAVAILABLE
from mlflow.store.db.base_sql_model import Base
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as TheirRegistry
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlRun
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as TheirTracking
from mlflow.utils.workspace_context import WorkspaceContext
from services.shared_directories import made_once

from aml_plugins.mlflow_store.registry import ModelRegistryStore, SingleWorkspaceModelRegistryStore
from aml_plugins.mlflow_store.tracking import SingleWorkspaceTrackingStore, TrackingStore

KINDS = {"one workspace": SingleWorkspaceTrackingStore, "workspaces": TrackingStore}
Open = Callable[..., Any]


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def open_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    with_workspaces = request.param is TrackingStore
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", str(with_workspaces).lower())
    opened = []

    def opening(*arguments: Any, **options: Any) -> Any:
        opened.append(request.param(*arguments, **options))
        return opened[-1]

    with WorkspaceContext("default") if with_workspaces else nullcontext():
        yield opening
    for store in opened:
        store._dispose_engine()


@pytest.fixture
def uri(tmp_path: Path, migrated: Path) -> str:
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that our store made and let go of: nothing but its file is copied."""

    def make(path: Path) -> None:
        store = SingleWorkspaceTrackingStore(f"aml+sqlite:///{path}", path.with_name("artifacts").as_uri())
        store.engine.dispose()

    return made_once(tmp_path_factory, "let-go-of.db", make)


@pytest.fixture
def store(open_store: Open, uri: str, tmp_path: Path) -> Any:
    return open_store(uri, (tmp_path / "artifacts").as_uri())


@pytest.fixture
def new_run(store: Any) -> Callable[[], str]:
    experiment = store.create_experiment("iris")
    return lambda: store.create_run(experiment, "me", 0, [], "n").info.run_id


@contextmanager
def counted(store: Any) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(store.engine, "before_cursor_execute", note)


def test_a_database_that_was_let_go_of_is_whole_in_its_file(store: Any, new_run: Callable[[], str], uri: str) -> None:
    run_id = new_run()
    store.delete_run(run_id)  # goes through our own tables, too
    store.engine.dispose()

    file = Path(uri.removeprefix("sqlite:///"))
    log = file.with_name("mlflow.db-wal")
    assert not log.exists() or log.stat().st_size == 0  # MLflow keeps a connection for its workspaces
    copy = file.with_name("copy.db")
    shutil.copy(file, copy)
    with sqlite3.connect(copy) as connection:
        rows = connection.execute("SELECT lifecycle_stage FROM runs WHERE run_uuid = ?", [run_id]).fetchall()
    assert rows == [("deleted",)]


def test_a_store_goes_on_after_its_engine_was_let_go_of(store: Any, new_run: Callable[[], str]) -> None:
    run_id = new_run()
    store.engine.dispose()
    store.update_run_info(run_id, RunStatus.KILLED, 5, None)
    assert store.get_run(run_id).info.status == "KILLED"


def test_reads_go_to_a_replica_and_writes_do_not(open_store: Open, uri: str, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "mlflow.db", tmp_path / "replica.db")
    replica = f"sqlite:///{tmp_path / 'replica.db'}"
    both = open_store(uri, str(tmp_path / "artifacts"), read_db_uri=replica)
    alone = open_store(replica, str(tmp_path / "artifacts"))
    alone.create_experiment("in the replica")

    assert str(both.read_engine.url) == replica
    assert both.get_experiment_by_name("in the replica") is not None
    both.create_experiment("written")
    assert alone.get_experiment_by_name("written") is None
    assert open_store(uri, str(tmp_path / "artifacts"), read_db_uri=uri).read_engine is None


def test_a_session_is_for_reading_unless_it_says_otherwise(store: Any) -> None:
    def write(**options: bool) -> None:
        with store.ManagedSessionMaker(**options) as session:
            session.add(SqlExperiment(name="new", lifecycle_stage="active", workspace="default"))
            session.flush()

    with pytest.raises(MlflowException, match="Write operation detected"):
        write()
    with pytest.raises(MlflowException, match="Write operation detected"):
        write(read_only=True)
    write(read_only=False)
    assert store.get_experiment_by_name("new") is not None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("not ours"), "INTERNAL_ERROR"),
        (MlflowException("theirs", INVALID_PARAMETER_VALUE), "INVALID_PARAMETER_VALUE"),
    ],
)
def test_a_session_that_fails_keeps_nothing_and_says_why(store: Any, error: Exception, code: str) -> None:
    def fail() -> None:
        with store.ManagedSessionMaker(read_only=False) as session:
            session.add(SqlExperiment(name="lost", lifecycle_stage="active", workspace="default"))
            session.flush()
            raise error

    with pytest.raises(MlflowException, match=str(error)) as raised:
        fail()
    assert raised.value.error_code == code
    assert store.get_experiment_by_name("lost") is None


def test_what_the_database_refuses_is_a_bad_request(store: Any, new_run: Callable[[], str]) -> None:
    with pytest.raises(MlflowException, match="NOT NULL constraint failed") as raised:
        store.log_param(new_run(), Param("p", None))
    assert raised.value.error_code == "BAD_REQUEST"


def test_a_reference_to_nothing_is_refused_and_like_heeds_case(store: Any, new_run: Callable[[], str]) -> None:
    """Both are settings of a SQLite connection."""
    run_id = new_run()
    store.set_tag(run_id, RunTag("t", "Value"))
    experiment = store.get_run(run_id).info.experiment_id

    def found(condition: str) -> int:
        return len(store.search_runs([experiment], condition, ViewType.ALL))

    assert (found("tags.t LIKE 'Val%'"), found("tags.t LIKE 'val%'"), found("tags.t ILIKE 'val%'")) == (1, 0, 1)
    for _ in range(2):  # a fresh connection, and one that was used
        with store.ManagedSessionMaker(read_only=False) as session:
            settings = [session.connection().exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS]
        assert settings == [1, 20000]
        store.engine.dispose()


PRAGMAS = ("foreign_keys", "busy_timeout")


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("/some/folder", "/some/folder/{e}/{r}/artifacts"),
        ("relative/folder", "{here}/relative/folder/{e}/{r}/artifacts"),
        ("file:///some/folder?a=b#c", "file:///some/folder/{e}/{r}/artifacts?a=b#c"),
        ("s3://bucket/root?key=k", "s3://bucket/root/{e}/{r}/artifacts?key=k"),
        ("scheme+driver://root:pw@host.com/db?k=v#f", "scheme+driver://root:pw@host.com/db/{e}/{r}/artifacts?k=v#f"),
    ],
)
def test_artifacts_lie_below_the_root_as_it_was_given(uri: str, root: str, expected: str) -> None:
    store = SingleWorkspaceTrackingStore(db_uri=uri, default_artifact_root=root)
    run = store.create_run(experiment_id=store.create_experiment("e"), user_id="u", start_time=0, tags=[], run_name="n")
    names = {"e": run.info.experiment_id, "r": run.info.run_id, "here": Path.cwd()}
    assert run.info.artifact_uri == expected.format(**names)
    assert not Path("relative").exists()


@pytest.mark.parametrize("part", ["_log_metrics", "_log_params", "_set_tags"])
def test_a_part_of_a_batch_that_fails_inside_is_reported(
    store: Any, new_run: Callable[[], str], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(TheirTracking, part, _broken)
    with pytest.raises(MlflowException, match="Broken inside"):
        store.log_batch(new_run(), [Metric("m", 1, 1, 0)], [Param("p", "1")], [RunTag("t", "1")])


def test_ours_descend_from_each_other_as_mlflows_do(
    store: Any, new_run: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who puts our classes where MLflow's are, and replaces a method of the plain one, means the other one, too."""
    assert isinstance(store, SingleWorkspaceTrackingStore)
    assert issubclass(ModelRegistryStore, SingleWorkspaceModelRegistryStore)
    run_id = new_run()
    for name in ("_log_metrics", "_search_runs", "update_run_info"):
        monkeypatch.setattr(SingleWorkspaceTrackingStore, name, _broken)
    for act in (
        lambda: store.log_batch(run_id, [Metric("m", 1.0, 1, step) for step in range(30)], [], []),
        lambda: store.search_runs(["0"], None, ViewType.ALL),
        lambda: store.update_run_info(run_id, RunStatus.RUNNING, None, None),
    ):
        with pytest.raises((RuntimeError, MlflowException), match="Broken inside"):
            act()


def _broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("Broken inside")


def test_a_deadlock_is_tried_again(store: Any, new_run: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    original, tries = store._log_metrics_once, []

    def once(run_id: str, metrics: list[Metric]) -> None:
        tries.append(run_id)
        if len(tries) == 1:
            raise MlflowException("deadlock detected", TEMPORARILY_UNAVAILABLE)
        original(run_id, metrics)

    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(store, "_log_metrics_once", once)
    run_id = new_run()
    store.log_metric(run_id, Metric("m", 0.5, 1, 0))
    assert (len(tries), store.get_run(run_id).data.metrics) == (2, {"m": 0.5})


@pytest.mark.parametrize("name", ["_log_metrics", "_log_metrics_once"])
def test_what_stands_in_for_a_private_writer_is_given_metrics(
    store: Any, new_run: Callable[[], str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    original, given = getattr(store, name), []

    def write(run_id: str, metrics: list[Metric]) -> None:
        given.extend((metric.key, metric.step) for metric in metrics)
        original(run_id, metrics)

    monkeypatch.setattr(store, name, write)
    run_id = new_run()
    store.log_batch(run_id, [Metric("m", 0.5, 1, step) for step in range(40)], [Param("p", "1")], [])
    assert given == [("m", step) for step in range(40)]
    assert len(store.get_metric_history(run_id, "m")) == 40


def test_the_limits_of_a_batch_are_mlflows(
    store: Any, new_run: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlflow.utils.validation.MAX_METRICS_PER_BATCH", 30)
    with pytest.raises(MlflowException, match="at most 30 metrics"):
        store.log_batch(new_run(), [Metric("m", 0.5, 1, step) for step in range(40)], [], [])


def test_private_readers_see_every_point(store: Any, new_run: Callable[[], str]) -> None:
    run_id = new_run()
    same = Metric("m", 1.0, 1, 0)
    store._log_metrics(run_id, [same, Metric("m", 1.0, 2, 0), Metric("n", float("nan"), 0, 0), same])
    with store.ManagedSessionMaker() as session:
        assert len(store._get_run(session, run_id).metrics) == 3
        assert store._try_get_run_tag(session, run_id, "missing") is None
        assert store._get_run_inputs(session, [run_id]) == [[]]


def test_every_status_can_be_set_in_mlflow(store: Any, new_run: Callable[[], str]) -> None:
    for status in ("SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"):
        info = store.update_run_info(new_run(), RunStatus.from_string(status), 7, None)
        assert (info.status, info.end_time) == (status, 7)


def test_deleting_and_restoring_can_be_repeated(store: Any, new_run: Callable[[], str]) -> None:
    run_id = new_run()
    store.restore_run(run_id)
    for act, stage in ((store.delete_run, "deleted"), (store.restore_run, "active")):
        act(run_id)
        act(run_id)
        assert store.get_run(run_id).info.lifecycle_stage == stage
    store.delete_run(run_id)
    assert store._get_deleted_runs() == [run_id]
    store._hard_delete_run(run_id)
    with store.ManagedSessionMaker() as session:
        assert session.query(SqlRun).filter_by(run_uuid=run_id).first() is None


def test_our_tables_cost_the_stores_engine_no_statement(store: Any, new_run: Callable[[], str]) -> None:
    with counted(store) as statements:
        store.delete_run(new_run())
    assert statements
    assert not [statement for statement in statements if "aml_" in statement]


def tables_in(uri: str) -> set[str]:
    engine = sa.create_engine(uri.removeprefix("aml+"))
    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return names


@pytest.mark.parametrize("kind", [TheirTracking, SingleWorkspaceTrackingStore])
def test_mlflows_own_uri_makes_mlflows_tables_and_no_others(kind: type[TheirTracking], empty_uri: str) -> None:
    store = kind(empty_uri, "artifacts")
    assert getattr(store, "jobs", None) is None
    run_id = store.create_run(store.create_experiment("e"), "u", 0, [], "n").info.run_id
    store.delete_run(run_id)
    store._dispose_engine()
    assert tables_in(empty_uri) == set(Base.metadata.tables) | {"alembic_version"}


def test_mlflows_own_uri_finds_our_tables_where_they_are(empty_uri: str) -> None:
    SingleWorkspaceTrackingStore(f"aml+{empty_uri}", "artifacts")._dispose_engine()
    store = SingleWorkspaceTrackingStore(empty_uri, "artifacts")
    store._dispose_engine()
    assert store.jobs is not None
    assert "aml_runs" in tables_in(empty_uri)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_uri(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "false")
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    uri: str = request.getfixturevalue("postgresql_uri")
    return uri


def test_a_database_in_memory_ends_with_its_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "false")
    memory = "sqlite:///:memory:"
    TheirTracking._engine_map.pop(memory, None)
    for _ in range(2):
        store = SingleWorkspaceTrackingStore(memory, "artifacts")
        run_id = store.create_run(store.create_experiment("e"), "u", 0, [], "n").info.run_id
        store.log_metric(run_id, Metric("m", 1.0, 1, 0))
        assert store.get_run(run_id).data.metrics == {"m": 1.0}
        store._dispose_engine()
        assert TheirTracking._engine_map.pop(memory) is store.engine


def test_without_workspaces_a_database_that_has_some_is_refused(uri: str, tmp_path: Path) -> None:
    store = SingleWorkspaceTrackingStore(uri, (tmp_path / "artifacts").as_uri())
    experiment = store.create_experiment("e")
    with store.ManagedSessionMaker(read_only=False) as session:
        session.query(SqlExperiment).filter_by(experiment_id=int(experiment)).update({"workspace": "another"})
    store._dispose_engine()
    with pytest.raises(MlflowException, match="non-default workspace"):
        SingleWorkspaceTrackingStore(uri, (tmp_path / "artifacts").as_uri())


@pytest.mark.parametrize("kind", [SingleWorkspaceModelRegistryStore, ModelRegistryStore])
def test_the_registry_takes_a_plain_uri_and_lets_go(
    kind: type[TheirRegistry], uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", str(kind is ModelRegistryStore).lower())
    with WorkspaceContext("default") if kind is ModelRegistryStore else nullcontext():
        registry = kind(uri)
        registry.create_registered_model("flower")
        version = registry.create_model_version("flower", "path/to/source", "f" * 32)
        with pytest.raises(MlflowException, match=r"Registered Model \(name=flower\) already exists"):
            registry.create_registered_model("flower")
        registry.delete_model_version("flower", version.version)
        with pytest.raises(MlflowException, match=r"Model Version \(name=flower, version=1\) not found"):
            registry.get_model_version("flower", version.version)
        assert registry.read_engine is None
        registry.engine.dispose()
    assert not Path(uri.removeprefix("sqlite:///") + "-wal").exists()
