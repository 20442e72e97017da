"""A real MLflow server on our store, and clients that know nothing of us."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from aml_plugins.mlflow_store.history import open_history
from aml_plugins.mlflow_store.workspaces import create_workspace, list_workspaces
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord


@pytest.fixture
def workspace(mlflow_server, monkeypatch):
    """A workspace of this test, made through the server's REST interface."""
    name = f"team-{uuid.uuid4().hex[:8]}"
    create_workspace(mlflow_server.url, name)
    monkeypatch.setenv("MLFLOW_WORKSPACE", name)
    return name


@pytest.fixture
def client(mlflow_server, workspace):
    return MlflowClient(mlflow_server.url)


def test_a_run_with_all_that_belongs_to_it(client, tmp_path):
    experiment = client.create_experiment("iris")
    run_id = client.create_run(experiment, run_name="first").info.run_id
    client.log_batch(run_id, [Metric("loss", 1 / step, step, step) for step in range(1, 900)])
    (tmp_path / "model.txt").write_text("weights")
    client.log_artifact(run_id, str(tmp_path / "model.txt"), "outputs")
    client.set_terminated(run_id)

    assert [run.info.run_id for run in client.search_runs([experiment], "metrics.loss < 0.01")] == [run_id]
    assert len(client.get_metric_history(run_id, "loss")) == 899
    assert Path(client.download_artifacts(run_id, "outputs/model.txt", str(tmp_path))).read_text() == "weights"
    client.create_registered_model("flower")
    version = client.create_model_version("flower", f"{client.get_run(run_id).info.artifact_uri}/outputs", run_id)
    assert client.get_model_version("flower", version.version).run_id == run_id


def test_workspaces_do_not_see_each_other(client, mlflow_server, monkeypatch):
    run_id = client.create_run(client.create_experiment("iris")).info.run_id
    other = f"other-{uuid.uuid4().hex[:8]}"
    create_workspace(mlflow_server.url, other)
    monkeypatch.setenv("MLFLOW_WORKSPACE", other)
    assert client.get_experiment_by_name("iris") is None
    with pytest.raises(MlflowException, match="not found"):
        client.get_run(run_id)


def test_what_we_recorded_beside_the_server_is_there_for_its_clients(client, mlflow_server, workspace, tmp_path):
    history, run_id = open_history(mlflow_server.store_uri, workspace), uuid.uuid4().hex
    history.create_run(run_id, history.ensure_experiment("ours"), name="ours", tags={"aml.target": "local"})
    (tmp_path / "log.txt").write_text("line\n")
    history.upload(run_id, tmp_path / "log.txt", "logs")
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags["aml.target"]) == ("SCHEDULED", "local")
    ask = Request(  # what the UI asks for a file
        f"{mlflow_server.url}/get-artifact?run_uuid={run_id}&path=logs/log.txt",
        headers={"X-MLFLOW-WORKSPACE": workspace},
    )
    with urlopen(ask, timeout=60) as answer:
        assert answer.read() == b"line\n"


def test_an_experiment_made_by_a_client_takes_our_runs(client, mlflow_server, workspace, tmp_path):
    experiment = client.create_experiment("theirs")
    history, run_id = open_history(mlflow_server.store_uri, workspace), uuid.uuid4().hex
    assert history.ensure_experiment("theirs") == experiment
    history.create_run(run_id, experiment, name=None, tags={})
    (tmp_path / "log.txt").write_text("line\n")
    history.upload(run_id, tmp_path / "log.txt", "logs")
    assert [file.path for file in client.list_artifacts(run_id, "logs")] == ["logs/log.txt"]


def test_killing_a_run_through_the_server_requests_the_jobs_cancellation(client, mlflow_server, workspace):
    history, run_id = open_history(mlflow_server.store_uri, workspace), uuid.uuid4().hex
    experiment = history.ensure_experiment("ours")
    history.create_run(run_id, experiment, name=None, tags={})
    jobs = open_store(mlflow_server.store_uri)
    known = {"target": "local", "target_type": "local", "state": "Running", "script": "train.py", "config": {}}
    ids = {"workspace": workspace, "run_id": run_id, "experiment_id": experiment, "experiment_name": "ours"}
    jobs.runs.add(RunRecord(**known, **ids))
    client.set_terminated(run_id, "KILLED")
    assert jobs.runs.find(run_id).cancel_requested_at is not None
    client.delete_run(run_id)
    assert jobs.runs.find(run_id).released_at is not None
    jobs.close()


def test_workspaces_made_beside_the_server_are_its_workspaces(mlflow_server):
    name = f"team-{uuid.uuid4().hex[:8]}"
    create_workspace(mlflow_server.store_uri, name)
    assert name in list_workspaces(mlflow_server.url)


def test_the_ui_is_served(mlflow_server):
    with urlopen(mlflow_server.url, timeout=60) as page:
        assert b"MLflow" in page.read()
