"""MLflow's own client on our URIs."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from services.mlflow_server import clean_environment

from aml_plugins.mlflow_store import tracking_store
from aml_plugins.mlflow_store.tracking import SingleWorkspaceTrackingStore, TrackingStore

OPEN = "import sys; from aml_plugins.mlflow_store import tracking_store; tracking_store(sys.argv[1])"


@pytest.fixture
def client(store_uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    return MlflowClient(store_uri)


def test_a_run_with_all_that_belongs_to_it(client, tmp_path):
    experiment = client.create_experiment("iris")
    run = client.create_run(experiment, tags={"who": "me"}, run_name="first")
    run_id = run.info.run_id
    client.log_batch(run_id, [Metric("loss", 0.5, 1, 1)], [Param("alpha", "0.1")], [RunTag("kind", "test")])
    (tmp_path / "model.txt").write_text("weights")
    client.log_artifact(run_id, str(tmp_path / "model.txt"), "outputs")
    client.set_terminated(run_id)

    [found] = client.search_runs([experiment], "metrics.loss < 1 and tags.kind = 'test'")
    assert found.info.run_id == run_id
    assert (found.info.status, found.data.params) == ("FINISHED", {"alpha": "0.1"})
    assert [file.path for file in client.list_artifacts(run_id, "outputs")] == ["outputs/model.txt"]
    assert Path(client.download_artifacts(run_id, "outputs/model.txt")).read_text() == "weights"


def test_a_model_in_the_registry(client):
    run_id = client.create_run(client.create_experiment("iris")).info.run_id
    client.create_registered_model("flower")
    version = client.create_model_version("flower", f"runs:/{run_id}/model", run_id)
    client.set_registered_model_alias("flower", "champion", version.version)
    assert client.get_model_version_by_alias("flower", "champion").run_id == run_id
    assert [found.version for found in client.search_model_versions("name = 'flower'")] == [version.version]


def test_workspaces_do_not_see_each_other(client, monkeypatch):
    run_id = client.create_run(client.create_experiment("iris")).info.run_id
    client.create_registered_model("flower")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-b")
    assert client.get_experiment_by_name("iris") is None
    assert client.search_registered_models() == []
    with pytest.raises(MlflowException, match="not found"):
        client.get_run(run_id)
    client.create_experiment("iris")  # a name of its own


@pytest.mark.parametrize("store_uri", ["sqlite_uri"], indirect=True)  # PostgreSQL's artifacts lie elsewhere
def test_artifacts_of_workspaces_lie_apart(client, tmp_path):
    experiment = client.get_experiment(client.create_experiment("iris"))
    assert experiment.artifact_location.startswith(f"{(tmp_path / 'artifacts').as_uri()}/workspaces/team-a/")


def test_without_workspaces_it_is_what_mlflow_opens_without_them(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "false")
    store = tracking_store(f"aml+sqlite:///{tmp_path}/single.db")
    assert isinstance(store, SingleWorkspaceTrackingStore)
    assert not isinstance(store, WorkspaceAwareSqlAlchemyStore)
    location = (tmp_path / "elsewhere").as_uri()  # allowed only without workspaces
    assert store.get_experiment(store.create_experiment("iris", location)).artifact_location == location


def test_without_workspaces_a_database_that_has_them_is_refused(sqlite_uri, monkeypatch):
    TrackingStore(sqlite_uri).in_workspace("team-a").create_experiment("iris")
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "false")
    with pytest.raises(MlflowException, match="Cannot disable workspaces"):
        tracking_store(sqlite_uri)


def test_it_is_made_as_mlflows_own_is(tmp_path):
    """MLflow's test suites construct stores like this, and look at these attributes."""
    store = TrackingStore(f"sqlite:///{tmp_path}/suite.db", (tmp_path / "artifacts").as_uri())
    assert store.db_uri == f"sqlite:///{tmp_path}/suite.db"
    assert store.artifact_root_uri == (tmp_path / "artifacts").as_uri()
    assert (store.engine.dialect.name, store.supports_workspaces, store.read_engine) == ("sqlite", True, None)
    assert not (tmp_path / "artifacts").exists()


def test_a_database_in_memory_works_and_has_no_jobs():
    store = SingleWorkspaceTrackingStore("sqlite:///:memory:", "artifacts")
    run = store.create_run(store.create_experiment("iris"), "me", 0, [], "first")
    store.delete_run(run.info.run_id)
    assert store.jobs is None
    assert store.get_run(run.info.run_id).info.lifecycle_stage == "deleted"


def test_our_tables_stand_beside_mlflows(sqlite_uri, tmp_path):
    TrackingStore(sqlite_uri)
    with sqlite3.connect(tmp_path / "aml.db") as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        [[mode]] = connection.execute("PRAGMA journal_mode")
    assert {"runs", "alembic_version", "aml_runs", "aml_alembic_version"} <= tables
    assert mode == "wal"


def test_several_processes_open_a_new_database_at_once(tmp_path):
    uri, environment = f"aml+sqlite:///{tmp_path}/new.db", clean_environment(tmp_path / "home")
    processes = [
        subprocess.Popen([sys.executable, "-c", OPEN, uri], env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    problems = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], problems


def test_a_database_that_cannot_be_opened_is_an_error_of_mlflow(tmp_path):
    (tmp_path / "broken.db").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(MlflowException):
        tracking_store(f"aml+sqlite:///{tmp_path}/broken.db")


def test_mlflow_gc_deletes_for_good_and_releases(python, sqlite_uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    client = MlflowClient(sqlite_uri)
    run_id = client.create_run(client.create_experiment("iris")).info.run_id
    client.log_text(run_id, "x", "a.txt")
    client.delete_run(run_id)
    variables = {"MLFLOW_TRACKING_URI": sqlite_uri, "MLFLOW_ENABLE_WORKSPACES": "true"}
    listed = python("-m", "mlflow", "experiments", "search", **variables, MLFLOW_WORKSPACE="team-a")
    assert "iris" in listed.stdout, listed.stderr
    done = python("-m", "mlflow", "gc", "--backend-store-uri", sqlite_uri, "--all-workspaces", **variables)
    assert done.returncode == 0, done.stderr
    with pytest.raises(MlflowException, match="not found"):
        client.get_run(run_id)
