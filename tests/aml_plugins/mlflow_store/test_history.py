"""Run history, on both databases and behind a server."""

from __future__ import annotations

import json
import math
import shutil
import threading
import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient

from aml_plugins.context import open_run_history as open_history
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.mlflow_store import opened
from aml_plugins.runs.history import Metric

on_databases = pytest.mark.parametrize("any_store_uri", ["sqlite_uri", "aml_postgresql_uri"], indirect=True)


@pytest.fixture
def store_uri(any_store_uri):
    return any_store_uri


def test_an_experiment_is_created_once_and_restored_when_deleted(history, store_uri, monkeypatch):
    first = history.ensure_experiment("iris")
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    MlflowClient(store_uri).delete_experiment(first)
    assert history.ensure_experiment("iris") == first
    assert MlflowClient(store_uri).get_experiment(first).lifecycle_stage == "active"


def test_a_run_has_the_id_that_was_chosen(history, new_run):
    run_id = new_run(name="first", tags={"kind": "test"}, user="me", parent_run_id="0" * 32, start_time=5)
    run = history.get(run_id)
    assert (run.run_id, run.name, run.status, run.start_time, run.end_time) == (run_id, "first", "SCHEDULED", 5, None)
    assert run.tags == {
        "kind": "test",
        "mlflow.runName": "first",
        "mlflow.user": "me",
        "mlflow.parentRunId": "0" * 32,
    }


def test_creating_a_run_again_changes_nothing(history, new_run):
    run_id = new_run(name="first", tags={"kind": "test"})
    history.set_status(run_id, "RUNNING")
    before = history.get(run_id)
    history.create_run(run_id, before.experiment_id, name="second", tags={"kind": "other"})
    assert history.get(run_id) == before


def test_two_drivers_create_one_run(history):
    experiment, run_id, problems = history.ensure_experiment("iris"), uuid.uuid4().hex, []
    start = threading.Barrier(4)

    def create(number):
        start.wait()
        try:
            history.create_run(run_id, experiment, name=f"number {number}", tags={})
        except Exception as error:  # noqa: BLE001  shown by the assertion
            problems.append(error)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert history.get(run_id).status == "SCHEDULED"


def test_a_run_looks_as_if_mlflow_had_made_it(store_uri, history, new_run, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    client, ours = MlflowClient(store_uri), new_run(name="same", start_time=1)
    theirs = client.create_run(history.ensure_experiment("iris"), start_time=1, run_name="same").info.run_id
    seen = [json.loads(json.dumps(client.get_run(run).to_dictionary()).replace(run, "ID")) for run in (ours, theirs)]
    for run in seen:
        run["info"].pop("status")
        run["info"].pop("user_id")
        run["data"]["tags"].pop("mlflow.user", None)
    assert seen[0] == seen[1]


def test_a_deleted_experiment_takes_no_run(history, store_uri, monkeypatch):
    experiment = history.ensure_experiment("iris")
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    MlflowClient(store_uri).delete_experiment(experiment)
    with pytest.raises(InvalidInputError, match="must be in the 'active' state"):
        history.create_run(uuid.uuid4().hex, experiment, name=None, tags={})


def test_any_number_of_values_is_logged_and_repeating_adds_nothing(history, new_run):
    run_id = new_run()
    values = {
        "metrics": [Metric("loss", 1 / (step + 1), step, step) for step in range(2050)],
        "params": {f"p{number}": str(number) for number in range(230)},
        "tags": {f"t{number}": "x" for number in range(120)},
    }
    for _ in range(2):
        history.log(run_id, **values)
    assert history.metric_history(run_id, "loss") == values["metrics"]
    run = history.get(run_id)
    assert run.params == values["params"]
    assert values["tags"].items() <= run.tags.items()
    assert run.metrics == {"loss": 1 / 2050}


def test_not_a_number_is_logged_as_mlflow_does(history, new_run):
    run_id = new_run()
    history.log(run_id, metrics=[Metric("loss", math.nan, 1)])
    assert math.isnan(history.get(run_id).metrics["loss"])


def test_a_param_cannot_change(history, new_run):
    run_id = new_run()
    history.log(run_id, params={"alpha": "1"})
    with pytest.raises(InvalidInputError, match="not allowed"):
        history.log(run_id, params={"alpha": "2"})


def test_long_tags_of_a_new_run_are_cut(history, new_run):
    assert len(history.get(new_run(tags={"long": "x" * 20_000})).tags["long"]) == 8000


def test_statuses_and_their_end(history, new_run):
    run_id = new_run()
    history.set_status(run_id, "RUNNING")
    assert (history.get(run_id).status, history.get(run_id).end_time) == ("RUNNING", None)
    history.set_status(run_id, "KILLED", end_time=7)
    history.set_status(run_id, "KILLED", end_time=7)
    assert (history.get(run_id).status, history.get(run_id).end_time) == ("KILLED", 7)


def test_children_in_the_order_of_their_start(history, new_run):
    parent = new_run()
    children = [new_run(parent_run_id=parent, start_time=start) for start in (30, 10, 20)]
    new_run()
    assert [run.run_id for run in history.children(parent)] == [children[1], children[2], children[0]]


def test_what_is_not_there_is_not_found(history):
    missing = "0" * 32
    for ask in (
        lambda: history.get(missing),
        lambda: history.children(missing),
        lambda: history.files(missing),
        lambda: history.metric_history(missing, "loss"),
        lambda: history.set_status(missing, "RUNNING"),
        lambda: history.log(missing, tags={"a": "b"}),
        lambda: history.create_run(missing, "4711", name=None, tags={}),
        lambda: history.models("flower"),
        lambda: history.script_variables(missing),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_workspaces_do_not_see_each_other(history, store_uri, new_run):
    run_id, other = new_run(), open_history(store_uri, "team-b")
    for ask in (other.get, other.files, other.script_variables):
        with pytest.raises(NotFoundError):
            ask(run_id)
    assert other.ensure_experiment("iris") != history.ensure_experiment("iris")
    with pytest.raises(NotFoundError):
        other.create_run(uuid.uuid4().hex, history.ensure_experiment("iris"), name=None, tags={})


def test_many_workspaces_at_once_from_threads(store_uri):
    found = {}

    def work(workspace):
        history = open_history(store_uri, workspace)
        experiment = history.ensure_experiment("iris")
        for _ in range(5):
            history.create_run(uuid.uuid4().hex, experiment, name=workspace, tags={})
        found[workspace] = experiment

    threads = [threading.Thread(target=work, args=(name,)) for name in ("team-a", "team-b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found.values())) == 2


def test_the_environment_has_no_say_in_the_workspace(store_uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-b")
    experiment = open_history(store_uri, "team-a").ensure_experiment("iris")
    assert MlflowClient(store_uri).get_experiment_by_name("iris") is None
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    assert MlflowClient(store_uri).get_experiment_by_name("iris").experiment_id == experiment


def test_a_script_with_plain_mlflow_logs_to_its_run(history, store_uri, new_run, python):
    run_id = new_run()
    history.set_status(run_id, "RUNNING")
    code = """
import mlflow
mlflow.log_metric("loss", 0.5)
mlflow.log_param("alpha", 1)
mlflow.log_text("weights", "outputs/model.txt")
with mlflow.start_run(nested=True):
    mlflow.log_metric("inner", 1)
mlflow.end_run()
with mlflow.start_run():
    mlflow.log_metric("another", 1)
print(type(mlflow.tracking._tracking_service.utils._get_store()).__module__)
"""
    done = python("-c", code, **history.script_variables(run_id))
    assert done.returncode == 0, done.stderr
    kind = "rest_store" if store_uri.startswith("http") else "sqlalchemy_workspace_store"
    assert done.stdout.splitlines()[-1] == f"mlflow.store.tracking.{kind}"
    run = history.get(run_id)
    assert (run.metrics, run.params, run.status) == ({"loss": 0.5}, {"alpha": "1"}, "FINISHED")
    assert [file.path for file in history.files(run_id, "outputs")] == ["outputs/model.txt"]
    assert [child.metrics for child in history.children(run_id)] == [{"inner": 1.0}]


@on_databases
def test_an_experiment_behind_a_servers_proxy_keeps_our_runs_files_in_reach(history, store_uri, new_run, tmp_path):
    from aml_plugins.mlflow_store.tracking import TrackingStore

    served = TrackingStore(store_uri, "mlflow-artifacts:/").in_workspace("team-a")
    experiment, run_id = served.create_experiment("served"), uuid.uuid4().hex
    history.create_run(run_id, experiment, name=None, tags={})
    (tmp_path / "log.txt").write_text("line")
    history.upload(run_id, tmp_path / "log.txt", "logs")
    assert history.get(run_id).artifact_uri.startswith("file://")
    assert [file.path for file in history.files(run_id, "logs")] == ["logs/log.txt"]


@on_databases
def test_files_behind_a_servers_proxy_are_refused_with_a_hint(history, store_uri):
    from aml_plugins.mlflow_store.tracking import TrackingStore

    served = TrackingStore(store_uri, "mlflow-artifacts:/").in_workspace("team-a")
    run = served.create_run(served.create_experiment("served"), "me", 0, [], "theirs")
    with pytest.raises(InvalidInputError, match=r"served by an MLflow server.*http"):
        history.files(run.info.run_id)


@pytest.mark.parametrize("any_store_uri", ["sqlite_uri"], indirect=True)
def test_inside_a_server_its_artifact_store_is_used(store_uri, tmp_path, monkeypatch):
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "mlflow-artifacts:/")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", str(tmp_path / "served"))
    history, run_id = open_history(store_uri, "team-a"), uuid.uuid4().hex
    history.create_run(run_id, history.ensure_experiment("served"), name=None, tags={})
    (tmp_path / "log.txt").write_text("line")
    history.upload(run_id, tmp_path / "log.txt", "logs")
    assert history.get(run_id).artifact_uri.startswith("mlflow-artifacts:/")
    assert list((tmp_path / "served").rglob("log.txt"))
    assert [file.path for file in history.files(run_id, "logs")] == ["logs/log.txt"]


def test_files_of_databases_that_nobody_asks_for_any_more_are_closed(tmp_path, template, monkeypatch):
    monkeypatch.setattr(opened, "_KEPT", 1)
    files = [tmp_path / f"{name}.db" for name in ("first", "second")]
    for file in files:
        shutil.copy(template, file)
        open_history(f"aml+sqlite:///{file}", "team-a").ensure_experiment("iris")
    open_files = {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    assert [str(file) in open_files for file in files] == [False, True]
    again = open_history(f"aml+sqlite:///{files[0]}", "team-a")
    assert again.ensure_experiment("iris")
