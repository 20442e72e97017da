"""What is particular to Batch: plans, pools, lost nodes, throttling, refusals in words, few calls."""

from __future__ import annotations

import uuid

import pytest
from services.azure import POOL, add_pool, batch_client, delete_pool

from aml_backends.azure_batch.backend import AzureBatchBackend
from aml_backends.azure_batch.config import AzureBatchConfig
from aml_backends.azure_batch.plan import autoscale_formula
from aml_plugins.compute import JobHandle, JobSpec, JobState
from aml_plugins.errors import BackendError, InvalidInputError, TransientBackendError
from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.azure_emulator.batch.autoscale import evaluate
from aml_plugins.testing.jobs import clean_up, is_running, make_job, wait_until, wait_until_ended

ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"
WITH_CONTAINERS = {**POOL["virtualMachineConfiguration"], "containerConfiguration": {"type": "dockerCompatible"}}
KEY = "aml-00000000000000000000000000000000-1"


@pytest.fixture
def submitted(make_backend, key, tmp_path):
    backend = make_backend()
    return backend, backend.submit(make_job(tmp_path, key, "pass"), key)


def spec(**values):
    given = {"workspace": "team", "run_id": "0" * 32, "attempt": 1, "bundle": {}, "display": {"experiment": "ïris 1"}}
    return JobSpec(**(given | values))


def test_a_plan_is_the_request(make_backend):
    backend = make_backend(pool="gpu", nodes=0, priority=5)
    planned = backend.plan(
        spec(time_limit_seconds=60, environment_variables={"TOKEN": "hunter2"}, display={"experiment": "iris"}), KEY
    ).request
    job = planned["job"]["id"]
    assert job.startswith("aml-team-iris-")
    assert planned["job"] == {
        "id": job,
        "displayName": "team/iris",
        "priority": 5,
        "poolInfo": {"poolId": "gpu"},
        "onAllTasksComplete": "noaction",
        "metadata": [{"name": "aml-workspace", "value": "team"}, {"name": "aml-target", "value": "cloud"}],
    }
    task = planned["task"]
    assert task["id"] == KEY
    assert task["resourceFiles"] == [
        {"httpUrl": "***", "filePath": name} for name in ("job.json", "runner.pyz", "snapshot.zip")
    ]
    assert [one["filePattern"] for one in task["outputFiles"]] == ["results.tar", "status.json", "std_log.txt"]
    assert task["environmentSettings"] == [
        {"name": "AML_COURIER", "value": "***"},
        {"name": "AML_JOB_KEY", "value": KEY},
        {"name": "AML_NODE_COUNT", "value": "1"},
        {"name": "AML_NODE_RANK", "value": "0"},
        {"name": "TOKEN", "value": "***"},
    ]
    assert task["constraints"] == {"maxTaskRetryCount": 0, "retentionTime": "P7D", "maxWallClockTime": "PT3660S"}
    assert "hunter2" not in str(planned)


def test_experiments_and_targets_have_jobs_of_their_own(make_backend):
    first, second = make_backend(pool="one", nodes=0), make_backend(pool="two", nodes=0)
    jobs = [
        backend.plan(spec(display={"experiment": name}), KEY).request["job"]["id"]
        for backend in (first, second)
        for name in ("iris", "Iris", "i ris", "i-ris", "x" * 200, "")
    ]
    assert len(set(jobs)) == len(jobs)
    assert all(len(job) <= 64 for job in jobs)


@pytest.mark.parametrize(
    ("config", "values", "what"),
    [
        ({}, {"spark": {}}, "Spark"),
        ({}, {"environment": {"kind": "docker", "image": "x"}}, "runs no Docker"),
        ({"containers": True}, {"environment": {"kind": "pip"}}, "runs only Docker"),
        ({"containers": True}, {"environment": {"kind": "docker", "dockerfile": "FROM x"}}, "builds no images"),
    ],
)
def test_what_the_pool_cannot_do_is_refused_when_planned(make_backend, config, values, what):
    with pytest.raises(InvalidInputError, match=what):
        make_backend(nodes=0, **config).plan(spec(**values), KEY)


def test_containers_are_planned(make_backend):
    backend = make_backend(nodes=0, containers=True)
    environment = {
        "kind": "docker", "image": "registry.example/gpu:1", "shm_size": "2g",
        "registry": {"address": "registry.example", "username": "u", "password": "secret://env/P"},
    }  # fmt: skip
    task = backend.plan(spec(environment=environment), KEY).request["task"]
    assert task["containerSettings"] == {
        "imageName": "registry.example/gpu:1",
        "containerRunOptions": "--shm-size=2g",
        "registry": {"registryServer": "registry.example", "username": "u", "password": "***"},
    }


def test_a_docker_environment_runs_in_its_image(make_backend, azure, emulators_engine, key, tmp_path):
    from dataclasses import replace

    pool = f"boxes-{uuid.uuid4().hex[:8]}"
    add_pool(azure, pool, nodes=1, virtualMachineConfiguration=WITH_CONTAINERS)
    backend = make_backend(pool=pool, nodes=0, containers=True)
    program = "import os; print(os.environ['TOKEN'], os.path.exists('/opt/python/bin/python3'))"
    environment = {"kind": "docker", "image": emulators_engine.image}
    job = make_job(tmp_path, key, program, environment_variables={"TOKEN": "a b"}, environment=environment)
    handle = backend.submit(replace(job, environment=environment), key)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert backend.logs(handle).data == b"a b True\n"

    other = f"{key[:-1]}2"
    endless = backend.submit(replace(make_job(tmp_path, other, ENDLESS), environment=environment), other)
    wait_until(lambda: is_running(backend, endless) and bool(backend.logs(endless).data))
    backend.cancel(endless)
    assert wait_until_ended(backend, endless).state is JobState.CANCELLED
    wait_until(lambda: not processes_of_job(other))


def test_a_missing_pool_is_told_at_submission(make_backend, key, tmp_path):
    with pytest.raises(BackendError, match="has no pool 'nowhere'"):
        make_backend(pool="nowhere", nodes=0).submit(make_job(tmp_path, key, "pass"), key)


def test_a_pool_is_created_scales_from_zero_and_is_deleted(make_backend, azure, key, tmp_path):
    backend = make_backend(vm_size="standard_d2s_v3", max_nodes=2, idle_seconds_before_scaledown=300)
    assert not backend.ensure_target()
    wait_until(backend.ensure_target)
    assert "0 dedicated" in backend.check()
    handle = backend.submit(make_job(tmp_path, key, "print('hello')"), key)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    clean_up(backend, handle)
    assert not backend.delete_target()
    wait_until(backend.delete_target)
    with batch_client(azure) as client:
        wait_until(lambda: not [job for job in client.list_jobs() if job.id == handle.data["job"]])
    assert backend.delete_target()


def test_a_pool_without_our_mark_is_not_deleted(make_backend):
    backend = make_backend()
    assert backend.delete_target()
    assert "dedicated" in backend.check()


def test_a_used_up_quota_is_told_while_runs_wait(make_backend, azure, key, tmp_path):
    backend = make_backend(nodes=0, vm_size="standard_d2s_v3", min_nodes=1000, max_nodes=1000)
    backend.ensure_target()
    wait_until(lambda: _trouble(backend) is not None)
    assert "quota of dedicated cores is used up" in str(_trouble(backend))


def _trouble(backend):
    try:
        backend.ensure_target()
    except BackendError as error:
        return error
    return None


def test_why_a_run_waits_is_said(make_backend, azure, key, tmp_path):
    from azure.batch.models import BatchPoolResizeOptions

    backend = make_backend(nodes=0, pool=f"empty-{uuid.uuid4().hex[:8]}", vm_size="standard_d2s_v3", max_nodes=1)
    wait_until(backend.ensure_target)
    with batch_client(azure) as client:
        client.disable_pool_auto_scale(backend.target.config.pool)
        options = BatchPoolResizeOptions(target_dedicated_nodes=0)
        client.begin_resize_pool(backend.target.config.pool, options, polling_interval=0.05).result()
    handle = backend.submit(make_job(tmp_path, key, "pass"), key)
    seen = backend.statuses([handle])[handle]
    assert (seen.state, seen.native_state) == (JobState.PENDING, "active")
    assert seen.reason == f"Waiting for a node of pool '{backend.target.config.pool}', which has 0."
    delete_pool(azure, backend.target.config.pool)
    again = f"Waiting for pool '{backend.target.config.pool}', which was gone and is created again."
    wait_until(lambda: backend.statuses([handle])[handle].reason == again)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED


def test_a_pool_that_is_deleted_under_a_run_is_told(make_backend, azure, key, tmp_path):
    backend = make_backend()
    handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
    wait_until(lambda: is_running(backend, handle))
    delete_pool(azure, backend.target.config.pool)
    wait_until(lambda: "has no pool" in (backend.statuses([handle])[handle].reason or ""))
    assert backend.statuses([handle])[handle].reason.startswith("Started again after its node was lost (")


def test_a_lost_node_starts_the_run_again_and_too_many_end_it(make_backend, azure, key, tmp_path):
    backend = make_backend(node_loss_retries=1)
    handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
    wait_until(lambda: is_running(backend, handle))
    azure.lose_node(backend.target.config.pool, preempted=True)
    wait_until(lambda: is_running(backend, handle))
    assert backend.status(handle).reason == "Started again after its node was lost (1 of 1 times)."
    azure.lose_node(backend.target.config.pool)
    seen = wait_until_ended(backend, handle)
    assert (seen.state, seen.reason) == (
        JobState.FAILED, "The run lost its node 2 times, or had it preempted; the target allows 1.",
    )  # fmt: skip


def test_a_thousand_runs_are_a_handful_of_calls(make_backend, azure, tmp_path):
    backend = make_backend(nodes=0, pool=f"none-{uuid.uuid4().hex[:8]}", vm_size="x")
    planned = backend.plan(spec(workspace="default"), KEY).request
    job = planned["job"]["id"]
    names = [f"aml-{number:032x}-1" for number in range(1000)]
    with batch_client(azure) as client:
        client.create_job(planned["job"])
        client.create_tasks(job, [{"id": name, "commandLine": "true"} for name in names])
    handles = [JobHandle("azure-batch", "cloud", name, {"job": job}) for name in names]
    before = len(azure.calls)
    seen = backend.statuses(handles)
    assert {status.state for status in seen.values()} == {JobState.PENDING}
    assert len(azure.calls) - before <= 4
    with batch_client(azure) as client:
        client.begin_delete_job(job, polling_interval=0.05).result()


def test_a_task_that_a_list_does_not_show_yet_is_not_lost(make_backend, azure, tmp_path, monkeypatch):
    from dataclasses import replace

    backend = make_backend()
    keys = [f"aml-{uuid.uuid4().hex}-1" for _ in range(3)]
    slow = replace(azure.account.settings, delays=replace(azure.account.settings.delays, listing=3600.0))
    monkeypatch.setattr(azure.account, "settings", slow)
    handles = [backend.submit(make_job(tmp_path, key, "pass"), key) for key in keys]
    assert not any(isinstance(status, Exception) for status in backend.statuses(handles).values())
    monkeypatch.undo()


@pytest.mark.parametrize("kind", ["throttle", "busy"])
def test_being_throttled_says_when_to_come_again(make_backend, azure, key, tmp_path, kind):
    backend = make_backend()
    azure.faults.add(kind, path="/jobs", seconds=17)
    with pytest.raises(TransientBackendError) as raised:
        backend.submit(make_job(tmp_path, key, "print('once')"), key)
    assert raised.value.retry_after == 17
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("kind", ["throttle", "busy"])
@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("GET", lambda backend, handle: backend.status(handle)),
        ("GET", lambda backend, handle: backend.logs(handle)),
        ("GET", lambda backend, _: list(backend.list_jobs())),
        ("GET", lambda backend, _: backend.check()),
        ("POST", lambda backend, handle: backend.cancel(handle)),
        ("DELETE", lambda backend, handle: backend.cleanup(handle)),
    ],
)
def test_every_call_respects_throttling(submitted, azure, kind, verb, call):
    backend, handle = submitted
    azure.faults.add(kind, verb=verb, seconds=17)
    with pytest.raises(TransientBackendError) as raised:
        call(backend, handle)
    assert raised.value.retry_after == 17


@pytest.mark.parametrize("kind", ["repeat", "drop", "error"])
def test_a_submission_whose_answer_is_lost_is_repeated_without_harm(make_backend, azure, key, tmp_path, kind):
    backend = make_backend()
    job = make_job(tmp_path, key, "print('once')")
    azure.faults.add(kind, verb="POST", path="/tasks")
    try:
        backend.submit(job, key)
    except TransientBackendError:
        assert kind != "repeat"
    handle = backend.submit(job, key)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert backend.logs(handle).data == b"once\n"


def test_a_key_that_can_be_none_is_a_sentence(azure_target):
    from dataclasses import replace

    backend = AzureBatchBackend(replace(azure_target(), secrets=lambda _reference: "no base64"))
    with pytest.raises(InvalidInputError, match="is none: it is not in base64") as raised:
        backend.check()
    assert "no base64" not in str(raised.value)


def test_a_wrong_key_is_a_sentence(azure_target):
    from dataclasses import replace

    backend = AzureBatchBackend(replace(azure_target(), secrets=lambda _reference: "d3Jvbmc="))
    with pytest.raises(BackendError, match="account_key") as raised:
        backend.check()
    assert "d3Jvbmc" not in str(raised.value)


def test_a_python_that_is_not_there_is_told(make_backend, key, tmp_path):
    backend = make_backend(python="no-such-python")
    handle = backend.submit(make_job(tmp_path, key, "pass"), key)
    seen = wait_until_ended(backend, handle)
    assert (seen.state, seen.exit_code) == (JobState.FAILED, 127)
    assert "Python of the compute target is not on its nodes" in seen.reason


def test_results_that_expired_are_told(make_backend, azure, key, tmp_path, monkeypatch):
    """The node cannot read what nobody may read any more."""
    from datetime import timedelta

    from aml_plugins.compute import staging

    monkeypatch.setattr(staging, "LIFETIME", timedelta(microseconds=1))
    backend = make_backend()
    handle = backend.submit(make_job(tmp_path, key, "pass"), key)
    seen = wait_until_ended(backend, handle)
    assert (seen.state, seen.native_state) == (JobState.FAILED, "BlobAccessDenied")
    assert "signed URLs have expired" in seen.reason


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"account_url": "acct"}, "must be an address"),
        ({"account_key": "plain"}, "must be a reference"),
        ({"image": "ubuntu"}, "PUBLISHER:OFFER:SKU"),
        ({"min_nodes": 3, "max_nodes": 2}, "min_nodes is greater"),
        ({"multi_node": True, "slots_per_node": 2}, "one slot a node"),
        ({"account_url": "http://127.0.0.1:1", "account_key": "secret://env/K"}, "account_name must be given"),
        ({"account_url": "http://a.b.batch.azure.com"}, "account_key must be given"),
    ],
)
def test_settings_that_cannot_be(wrong, what):
    good = {"account_url": "https://acct.westeurope.batch.azure.com", "pool": "p"}
    with pytest.raises(ValueError, match=what):
        AzureBatchConfig.model_validate(good | wrong)


@pytest.mark.parametrize(("pending", "nodes"), [(0, 0), (1, 1), (5, 3), (100, 4)])
def test_the_formula_asks_for_as_many_nodes_as_there_is_work(azure, pending, nodes):
    config = AzureBatchConfig(
        account_url="https://a.b.batch.azure.com", pool="p", max_nodes=4, slots_per_node=2, vm_priority="lowpriority"
    )
    name = f"pool-{uuid.uuid4().hex[:8]}"
    account = azure.account
    with azure.account.engine.lock:
        pool = account.add_pool({"id": name, "vmSize": "x"})
        job = account.add_job({"id": name, "poolInfo": {"poolId": name}})
        for number in range(pending):
            job.add({"id": str(number), "commandLine": "x"})
        run = evaluate(autoscale_formula(config), pool, account)
        account.delete_job(job)
        account.delete_pool(pool)
    assert f"$TargetLowPriorityNodes={nodes};$NodeDeallocationOption=taskcompletion" in run["results"]


@pytest.mark.parametrize(("pending", "dedicated", "spot"), [(0, 0, 0), (2, 2, 0), (5, 2, 3), (9, 2, 4)])
def test_spot_nodes_take_what_dedicated_ones_leave(azure, pending, dedicated, spot):
    config = AzureBatchConfig(account_url="https://a.b.batch.azure.com", pool="p", max_nodes=2, max_spot_nodes=4)
    name = f"pool-{uuid.uuid4().hex[:8]}"
    account = azure.account
    with azure.account.engine.lock:
        pool = account.add_pool({"id": name, "vmSize": "x"})
        job = account.add_job({"id": name, "poolInfo": {"poolId": name}})
        for number in range(pending):
            job.add({"id": str(number), "commandLine": "x"})
        run = evaluate(autoscale_formula(config), pool, account)
        account.delete_job(job)
        account.delete_pool(pool)
    assert f"$TargetDedicatedNodes={dedicated};$TargetLowPriorityNodes={spot};" in run["results"]
