"""What is done to a run in MLflow reaches its job; what the job does to the run does not come back."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from aml_plugins.mlflow_store.tracking import TrackingStore


@pytest.fixture
def client(store_uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    return MlflowClient(store_uri)


def test_killing_a_run_in_mlflow_requests_the_jobs_cancellation(client, jobs, new_job):
    run_id = new_job()
    client.set_terminated(run_id, "KILLED")
    assert jobs.runs.find(run_id).cancel_requested_at is not None


@pytest.mark.parametrize("status", ["FINISHED", "FAILED"])
def test_a_script_that_ends_its_run_cancels_nothing(client, jobs, new_job, status):
    run_id = new_job()
    client.set_terminated(run_id, status)
    assert client.get_run(run_id).info.status == status
    assert jobs.runs.find(run_id).cancel_requested_at is None


def test_killing_a_run_that_ended_requests_nothing(client, jobs, new_job):
    run_id = new_job(state="Completed", ended_at=1.0)
    client.set_terminated(run_id, "KILLED")
    assert jobs.runs.find(run_id).cancel_requested_at is None


def test_killing_a_run_without_a_job_works_as_in_mlflow(client, new_run):
    run_id = new_run()
    client.set_terminated(run_id, "KILLED")
    assert client.get_run(run_id).info.status == "KILLED"


def test_the_drivers_own_killed_is_no_request(client, history, jobs, new_job):
    run_id = new_job()
    history.set_status(run_id, "KILLED", end_time=1)
    assert client.get_run(run_id).info.status == "KILLED"
    assert jobs.runs.find(run_id).cancel_requested_at is None


def test_renaming_a_run_cancels_nothing(client, jobs, new_job):
    run_id = new_job()
    client.update_run(run_id, name="better")
    assert jobs.runs.find(run_id).cancel_requested_at is None


def test_deleting_a_run_releases_it_and_restoring_takes_that_back(client, jobs, new_job):
    run_id = new_job(state="Completed", ended_at=1.0)
    client.delete_run(run_id)
    assert jobs.runs.find(run_id).released_at is not None
    assert jobs.runs.find(run_id).cancel_requested_at is None
    client.restore_run(run_id)
    assert jobs.runs.find(run_id).released_at is None


def test_a_deleted_run_is_listed_until_it_has_ended(client, jobs, new_job):
    def listed():
        return {record.run_id for record in jobs.runs.list("team-a")}

    ended, running = new_job(state="Completed", ended_at=1.0), new_job()
    client.delete_run(ended)
    client.delete_run(running)
    assert listed() == {running}
    client.restore_run(ended)
    assert listed() == {ended, running}


def test_deleting_a_run_that_executes_requests_its_cancellation(client, jobs, new_job):
    run_id = new_job()
    client.delete_run(run_id)
    assert jobs.runs.find(run_id).cancel_requested_at is not None


def test_deleting_an_experiment_releases_all_its_runs(client, jobs, new_job):
    runs = [new_job(), new_job(state="Completed", ended_at=1.0)]
    experiment = client.get_experiment_by_name("iris").experiment_id
    client.delete_experiment(experiment)
    records = jobs.runs.get_many(runs)
    assert all(records[run].released_at for run in runs)
    assert [bool(records[run].cancel_requested_at) for run in runs] == [True, False]
    client.restore_experiment(experiment)
    assert not any(record.released_at for record in jobs.runs.get_many(runs).values())


def test_a_run_of_another_workspace_is_out_of_reach(client, jobs, new_job, monkeypatch):
    run_id = new_job()
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-b")
    for attempt in (lambda: client.set_terminated(run_id, "KILLED"), lambda: client.delete_run(run_id)):
        with pytest.raises(Exception, match="not found"):
            attempt()
    record = jobs.runs.find(run_id)
    assert (record.cancel_requested_at, record.released_at) == (None, None)


def test_deleting_for_good_releases_too(store_uri, jobs, new_job):
    store = TrackingStore(store_uri).in_workspace("team-a")
    run_id = new_job()
    store._hard_delete_run(run_id)
    assert jobs.runs.find(run_id).released_at is not None


def test_deleting_an_experiment_for_good_releases_too(store_uri, jobs, client, new_job):
    run_id = new_job()
    experiment = client.get_experiment_by_name("iris").experiment_id
    client.delete_experiment(experiment)
    jobs.runs.mark_released([run_id], released=False)
    TrackingStore(store_uri).in_workspace("team-a")._hard_delete_experiment(experiment)
    assert jobs.runs.find(run_id).released_at is not None
