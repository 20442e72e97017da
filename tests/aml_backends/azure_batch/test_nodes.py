"""Runs on several nodes of a pool: plans, what pools cannot do, logs of every node, lost nodes."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import partial

import pytest
from services.azure import POOL, add_pool

from aml_backends.azure_batch.plan import job_marks
from aml_plugins.compute import JobSpec, JobState
from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.jobs import clean_up, is_running, make_job, wait_until, wait_until_ended

WITH_CONTAINERS = {**POOL["virtualMachineConfiguration"], "containerConfiguration": {"type": "dockerCompatible"}}
KEY = "aml-00000000000000000000000000000000-1"
ENDLESS = "import os, time; print('node', os.environ['AML_NODE_RANK'], flush=True); time.sleep(3600)"
TALK = """
import os, socket, time
rank, address = os.environ["AML_NODE_RANK"], (os.environ["AML_MASTER_ADDRESS"], 29500)
open("outputs/" + rank, "w").close()
if rank == "0":
    with socket.create_server(address) as server, server.accept()[0] as other:
        other.sendall(b"42")
    said = b"42"
else:
    while True:
        try:
            other = socket.create_connection(address)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    said = other.recv(2)
print(rank, os.path.exists("/opt/python/bin/python3"), said.decode())
"""
SECOND_FAILS = """
import os, sys, time
print("node", os.environ["AML_NODE_RANK"], flush=True)
if os.environ["AML_NODE_RANK"] == "1":
    sys.exit("out of luck")
open("outputs/half.txt", "w").write("half")
time.sleep(3600)
"""


@pytest.fixture
def make_backend(make_backend):
    """Make backends of pools whose nodes reach each other."""
    return partial(make_backend, multi_node=True)


@pytest.fixture
def run(make_backend, key, tmp_path):
    """Submit a script for two nodes of a pool of its own."""

    def run(program, **config):
        backend = make_backend(**config)
        return backend, backend.submit(replace(make_job(tmp_path, key, program), node_count=2), key)

    return run


def logs(backend, handle, tmp_path):
    """Return what comes home below ``logs/``."""
    results = tmp_path / "results"
    results.mkdir()
    backend.fetch(handle, results)
    return {path.name: path.read_text() for path in (results / "logs").iterdir()}


def spec(**values):
    return JobSpec(**{"workspace": "team", "run_id": "0" * 32, "attempt": 1, "bundle": {}, **values})


def test_a_plan_is_the_request(make_backend):
    planned = make_backend(nodes=0).plan(spec(node_count=3, environment_variables={"TOKEN": "hunter2"}), KEY)
    task = planned.request["task"]
    settings = task["multiInstanceSettings"]
    assert settings["numberOfInstances"] == 3
    assert [file["filePath"] for file in settings["commonResourceFiles"]] == ["job.json", "runner.pyz", "snapshot.zip"]
    assert {file["httpUrl"] for file in settings["commonResourceFiles"]} == {"***"}
    assert "resourceFiles" not in task
    assert "outputFiles" not in task
    names = {one["name"]: one["value"] for one in task["environmentSettings"]}
    assert names == {"AML_COURIER": "***", "AML_JOB_KEY": KEY, "AML_NODE_COUNT": "3", "TOKEN": "***"}


@pytest.mark.parametrize(
    ("config", "values", "what"),
    [
        ({"multi_node": False}, {"node_count": 2}, "may not talk to each other.*multi_node"),
        ({"vm_size": "x", "max_nodes": 2}, {"node_count": 3}, "has 2 nodes at most, the run asks for 3.*max_nodes"),
        ({}, {"node_count": 101}, "has 100 nodes at most.*Azure Batch allows no more"),
    ],
)
def test_what_the_settings_do_not_allow_is_refused_when_planned(make_backend, config, values, what):
    with pytest.raises(InvalidInputError) as raised:
        make_backend(nodes=0, **config).plan(spec(**values), KEY)
    assert_matches(raised.value, what)


@pytest.mark.parametrize(
    ("pool", "what"),
    [
        ({}, "of pool '.*' may not talk to each other, the run asks for 2"),
        ({"enableInterNodeCommunication": True, "taskSlotsPerNode": 2}, "run several tasks at a time"),
        ({"enableInterNodeCommunication": True, "nodes": 1}, "has 1 nodes, the run asks for 2. Resize the pool"),
    ],
)
def test_a_pool_in_which_it_would_wait_for_ever_is_told_at_submission(make_backend, azure, tmp_path, pool, what):
    name = f"pool-{uuid.uuid4().hex[:8]}"
    add_pool(azure, name, **pool)
    backend = make_backend(nodes=0, pool=name)
    with pytest.raises(InvalidInputError) as raised:
        backend.submit(replace(make_job(tmp_path, KEY, "pass"), node_count=2), KEY)
    assert_matches(raised.value, what)
    assert list(backend.list_jobs()) == []


def assert_matches(error, what):
    import re

    assert re.search(what, f"{error.what} {error.fix}"), error


def test_images_are_planned_with_the_network_of_their_nodes(make_backend):
    backend = make_backend(nodes=0, containers=True)
    for arguments, options in [([], "--network=host"), (["--network=own"], "--network=own")]:
        environment = {"kind": "docker", "image": "gpu:1", "arguments": arguments}
        task = backend.plan(spec(node_count=2, environment=environment), KEY).request["task"]
        assert task["containerSettings"] == {"imageName": "gpu:1", "containerRunOptions": options}


def test_an_image_runs_on_every_node(make_backend, azure, emulators_engine, key, tmp_path):
    name = f"boxes-{uuid.uuid4().hex[:8]}"
    add_pool(azure, name, enableInterNodeCommunication=True, virtualMachineConfiguration=WITH_CONTAINERS)
    backend = make_backend(pool=name, nodes=0, containers=True)
    environment = {"kind": "docker", "image": emulators_engine.image}
    job = replace(make_job(tmp_path, key, TALK, environment=environment), node_count=2, environment=environment)
    handle = backend.submit(job, key)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert logs(backend, handle, tmp_path) == {"std_log.txt": "0 True 42\n", "std_log_1.txt": "1 True 42\n"}
    assert (tmp_path / "results" / "outputs" / "0").is_file()

    other = f"{key[:-1]}2"
    job = replace(make_job(tmp_path, other, ENDLESS), node_count=2, environment=environment)
    endless = backend.submit(job, other)
    wait_until(lambda: is_running(backend, endless) and backend.logs(endless).data == b"node 0\n")
    backend.cancel(endless)
    assert wait_until_ended(backend, endless).state is JobState.CANCELLED
    wait_until(lambda: not processes_of_job(other))


def test_a_pool_that_is_created_grows_to_the_size_of_the_run(run, tmp_path):
    vm = {"vm_size": "standard_d2s_v3", "max_nodes": 2, "idle_seconds_before_scaledown": 300}
    backend, handle = run("import os; print('node', os.environ['AML_NODE_RANK'])", nodes=0, **vm)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert logs(backend, handle, tmp_path) == {"std_log.txt": "node 0\n", "std_log_1.txt": "node 1\n"}
    wait_until(backend.delete_target)


def test_a_job_that_goes_while_jobs_are_listed_has_no_tasks(make_backend, monkeypatch):
    backend = make_backend()
    api, target = backend._api, backend.target
    job = {"id": f"aml-{uuid.uuid4().hex}", "poolInfo": {"poolId": target.config.pool}}
    api.create_job({**job, "metadata": job_marks(target.workspace, target.name)})
    plain, listed = api.list_jobs, []

    def deleted_meanwhile(start):
        listed.extend(plain(start))
        api.delete_job(job["id"])
        wait_until(lambda: job["id"] not in [one["id"] for one in plain(start)])
        return listed

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(api, "list_jobs", deleted_meanwhile)
        assert list(backend.list_jobs()) == []
    assert job["id"] in [one["id"] for one in listed]


def test_who_failed_is_told_and_every_log_comes_home(run, tmp_path, key):
    backend, handle = run(SECOND_FAILS)
    status = wait_until_ended(backend, handle)
    assert (status.state, status.exit_code, status.lost) == (JobState.FAILED, 1, False)
    assert status.reason.startswith("Node 1: ")
    found = logs(backend, handle, tmp_path)
    assert (found["std_log.txt"], found["std_log_1.txt"]) == ("node 0\n", "node 1\nout of luck\n")
    assert (tmp_path / "results" / "outputs" / "half.txt").read_text() == "half"
    assert processes_of_job(key) == []
    clean_up(backend, handle)
    assert backend.find(key) is None


def test_logs_of_a_cancelled_run_come_from_every_node(run, tmp_path):
    backend, handle = run(ENDLESS)
    wait_until(lambda: is_running(backend, handle) and backend.logs(handle).data == b"node 0\n")
    found = backend.find(handle.job_id)
    assert found == handle
    (subtask,) = backend._api.list_subtasks(handle.data["job"], handle.job_id)
    node = subtask["nodeInfo"]
    log = f"{node['taskRootDirectory']}/wd/std_log.txt"
    wait_until(lambda: _read(backend, node, log) == b"node 1\n")
    backend.cancel(handle)
    assert wait_until_ended(backend, handle).state is JobState.CANCELLED
    assert logs(backend, handle, tmp_path) == {"std_log.txt": "node 0\n", "std_log_1.txt": "node 1\n"}


def _read(backend, node, path):
    from aml_backends.azure_batch.api import RefusedError

    try:
        return backend._api.read_node_file(node["poolId"], node["nodeId"], path, 0, 100)
    except RefusedError:
        return b""


def test_a_lost_node_starts_all_of_them_again(run, azure, key):
    backend, handle = run(ENDLESS, node_loss_retries=1)
    wait_until(lambda: is_running(backend, handle))
    azure.lose_node(backend.target.config.pool)
    wait_until(lambda: backend.status(handle).reason == "Started again after its node was lost (1 of 1 times).")
    wait_until(lambda: is_running(backend, handle) and backend.logs(handle).data == b"node 0\n")
    backend.cancel(handle)
    wait_until_ended(backend, handle)
    wait_until(lambda: not processes_of_job(key))
