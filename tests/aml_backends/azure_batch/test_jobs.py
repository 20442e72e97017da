"""Runs of one experiment share a Batch job: it is made once, found again, and has what its target says."""

from __future__ import annotations

from services.azure import batch_client

from aml_plugins.compute import JobState
from aml_plugins.testing.jobs import clean_up, make_job, wait_until_ended


def test_a_second_run_of_an_experiment_is_one_request(make_backend, azure, key, tmp_path):
    backend = make_backend()
    first = backend.submit(make_job(tmp_path, key, "pass"), key)
    before = len(azure.calls)
    second = backend.submit(make_job(tmp_path, f"{key}-2", "pass"), f"{key}-2")
    assert len(azure.calls) - before == 1
    assert backend.submit(make_job(tmp_path, key, "pass"), key) == first
    for handle in (first, second):
        wait_until_ended(backend, handle)
        clean_up(backend, handle)


def test_a_changed_priority_reaches_the_job_of_earlier_runs(make_backend, azure, key, tmp_path):
    first = make_backend()
    handle = first.submit(make_job(tmp_path, key, "pass"), key)
    wait_until_ended(first, handle)
    changed = make_backend(pool=first.target.config.pool, nodes=0, priority=7)
    for number in (2, 3):
        changed.submit(make_job(tmp_path, f"{key}-{number}", "pass"), f"{key}-{number}")
    with batch_client(azure) as client:
        assert client.get_job(handle.data["job"]).priority == 7
    assert azure.calls.count(f"PATCH /jobs/{handle.data['job']}") == 1


def test_a_job_that_somebody_deleted_is_made_again(make_backend, azure, key, tmp_path):
    backend = make_backend()
    first = backend.submit(make_job(tmp_path, key, "pass"), key)
    wait_until_ended(backend, first)
    with batch_client(azure) as client:
        client.begin_delete_job(first.data["job"], polling_interval=0.05).result()
    second = backend.submit(make_job(tmp_path, f"{key}-2", "pass"), f"{key}-2")
    assert wait_until_ended(backend, second).state is JobState.SUCCEEDED
    for handle in (first, second):
        clean_up(backend, handle)
