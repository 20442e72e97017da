"""Workspaces, and what goes along with a deleted one."""

from __future__ import annotations

import pytest
from mlflow.entities.workspace import WorkspaceDeletionMode
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_STATE
from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore

from aml_plugins import Workspace
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.mlflow_store import workspace_provider as open_provider
from aml_plugins.mlflow_store.tracking import TrackingStore
from aml_plugins.mlflow_store.workspaces import create_workspace, delete_workspace, get_workspace, list_workspaces
from aml_plugins.store.records import ComputeTargetRecord, WorkspaceRecord


def test_workspaces_come_and_go(store_uri):
    create_workspace(store_uri, "team-c")
    assert list_workspaces(store_uri) == ["default", "team-a", "team-b", "team-c"]
    assert get_workspace(store_uri, "team-c") == "team-c"
    delete_workspace(store_uri, "team-c")
    assert list_workspaces(store_uri) == ["default", "team-a", "team-b"]


@pytest.mark.parametrize("name", ["a", "Team", "team_a", "-team", "team-", "api", "x" * 64, "", "team a", "../x"])
def test_names_that_mlflow_refuses(sqlite_uri, name):
    with pytest.raises(InvalidInputError, match=r"cannot be the name of a workspace.*Use 2 to 63"):
        create_workspace(sqlite_uri, name)


def test_a_taken_name(sqlite_uri):
    with pytest.raises(AlreadyExistsError, match="There is a workspace 'team-a' already"):
        create_workspace(sqlite_uri, "team-a")


def test_a_missing_one_with_the_name_that_was_meant(sqlite_uri):
    with pytest.raises(NotFoundError, match=r"no workspace 'taem-a'.*Did you mean 'team-a'"):
        get_workspace(sqlite_uri, "taem-a")
    with pytest.raises(NotFoundError, match="There is: default, team-a, team-b"):
        delete_workspace(sqlite_uri, "zzz")


def test_default_stays(sqlite_uri):
    with pytest.raises(InvalidInputError, match="'default' cannot be deleted"):
        delete_workspace(sqlite_uri, "default")


def test_one_that_is_not_empty_stays_and_is_counted(store_uri, new_job, jobs):
    new_job(state="Completed", ended_at=1.0)
    run_id = new_job(state="Completed", ended_at=1.0)
    jobs.compute_targets.add(ComputeTargetRecord(workspace="team-a", name="box", type="local"))
    with pytest.raises(
        InvalidInputError, match=r"'team-a' still contains 2 runs, 1 compute target and 1 experiment\. Delete it"
    ):
        delete_workspace(store_uri, "team-a")
    assert get_workspace(store_uri, "team-a")
    assert jobs.runs.find(run_id).released_at is None
    assert jobs.workspaces.find("team-a") is None or "deleted_at" not in jobs.workspaces.get("team-a").settings


def test_a_deletion_that_mlflow_refuses_leaves_the_workspace_in_use(store_uri, jobs, monkeypatch):
    monkeypatch.setattr(SqlAlchemyStore, "delete_workspace", _refuse)
    with pytest.raises(InvalidInputError, match="not today"):
        delete_workspace(store_uri, "team-a")
    assert jobs.workspaces.get("team-a").settings == {}


def _refuse(*_):
    raise MlflowException("not today", INVALID_STATE)


def test_nothing_of_a_half_deleted_one_is_left_to_its_successor(store_uri, new_job, jobs):
    run_id = new_job(state="Completed", ended_at=1.0)
    jobs.compute_targets.add(ComputeTargetRecord(workspace="team-a", name="box", type="local"))
    SqlAlchemyStore.delete_workspace(open_provider(store_uri), "team-a", WorkspaceDeletionMode.CASCADE)
    create_workspace(store_uri, "team-a")
    assert jobs.workspaces.find("team-a") is None
    assert jobs.compute_targets.list("team-a") == []
    assert jobs.runs.find(run_id) is None


def test_with_its_contents_go_snapshots_and_settings(store_uri, new_job, jobs):
    jobs.workspaces.add(WorkspaceRecord(name="team-a"))
    run_id = new_job(state="Completed", ended_at=1.0)
    delete_workspace(store_uri, "team-a", with_contents=True)
    assert "team-a" not in list_workspaces(store_uri)
    assert jobs.workspaces.find("team-a") is None
    left = jobs.runs.find(run_id)
    assert left is None or left.released_at is not None


def test_runs_that_have_not_ended_keep_their_workspace(store_uri, history, new_job):
    run_id = new_job()
    with pytest.raises(InvalidInputError, match=r"has 1 run that has not ended\. Cancel them first\.$"):
        delete_workspace(store_uri, "team-a", with_contents=True)
    assert history.get(run_id)


def test_runs_with_jobs_do_not_move_to_default(store_uri, new_job):
    new_job(state="Completed", ended_at=1.0)
    with pytest.raises(MlflowException, match="stay in their workspace"):
        open_provider(store_uri).delete_workspace("team-a", WorkspaceDeletionMode.SET_DEFAULT)
    assert get_workspace(store_uri, "team-a")


def test_an_unknown_way_to_delete_is_refused_before_anything_is_lost(store_uri, jobs):
    jobs.compute_targets.add(ComputeTargetRecord(workspace="team-a", name="box", type="local"))
    with pytest.raises(MlflowException, match="Invalid workspace deletion mode"):
        open_provider(store_uri).delete_workspace("team-a", "EVERYTHING")
    assert [target.name for target in jobs.compute_targets.list("team-a")] == ["box"]


def test_files_stay_where_mlflow_refuses_to_move_experiments(store_uri, tmp_path):
    file = _file_in_the_built_in_datastore(store_uri)
    for workspace in ("team-a", "default"):
        TrackingStore(store_uri).in_workspace(workspace).create_experiment("iris")
    with pytest.raises(MlflowException, match="already exist in the default workspace"):
        open_provider(store_uri).delete_workspace("team-a", WorkspaceDeletionMode.SET_DEFAULT)
    assert file.read_text() == "mine"


def test_experiments_do_not_move_away_from_the_datastore_of_their_artifacts(store_uri):
    file = _file_in_the_built_in_datastore(store_uri)
    workspace = Workspace.get("team-a", store=store_uri)
    workspace.set_default_datastore("workspace-files", artifacts=True)
    TrackingStore(store_uri).in_workspace("team-a").create_experiment("iris")
    with pytest.raises(MlflowException, match="have their artifacts in its datastores"):
        open_provider(store_uri).delete_workspace("team-a", WorkspaceDeletionMode.SET_DEFAULT)
    assert file.read_text() == "mine"


def test_experiments_move_to_default(store_uri):
    experiment = TrackingStore(store_uri).in_workspace("team-a").create_experiment("iris")
    open_provider(store_uri).delete_workspace("team-a", WorkspaceDeletionMode.SET_DEFAULT)
    assert TrackingStore(store_uri).in_workspace("default").get_experiment(experiment).name == "iris"
    assert "team-a" not in list_workspaces(store_uri)


def _file_in_the_built_in_datastore(store_uri):
    datastore = Workspace.get("team-a", store=store_uri).datastores["workspace-files"]
    file = datastore.served_directory() / "mine.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    return file


@pytest.mark.parametrize("store_uri", ["sqlite_uri"], indirect=True)
def test_a_plain_database_uri_means_the_same(store_uri, new_job, jobs):
    run_id = new_job(state="Completed", ended_at=1.0)
    jobs.workspaces.add(WorkspaceRecord(name="team-a"))
    delete_workspace(store_uri.removeprefix("aml+"), "team-a", with_contents=True)
    assert jobs.workspaces.find("team-a") is None
    left = jobs.runs.find(run_id)
    assert left is None or left.released_at is not None
