"""Tasks on several nodes, as Microsoft's article on them has it, by Microsoft's client."""

from __future__ import annotations

import shlex
import socket

import pytest
from services.azure import blob_datastore

from aml_plugins.testing.jobs import wait_until

SERVE = """
import os, socket
address = os.environ["AZ_BATCH_HOST_LIST"].split(",")[1]
server = socket.create_server((address, 8000))
while True:
    connection, _ = server.accept()
    connection.sendall(os.environ["AZ_BATCH_NODE_ID"].encode())
    connection.close()
"""
ASK = """
import os, socket, time
address = os.environ["AZ_BATCH_HOST_LIST"].split(",")[1]
while True:
    try:
        connection = socket.create_connection((address, 8000))
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
print(connection.recv(1000).decode())
"""


@pytest.fixture
def start(account):
    """Add a task on two nodes; return its job."""

    def start(application, coordination, **settings):
        job = account.job()
        account.client.create_task(
            job,
            {
                "id": "t",
                "commandLine": shlex.join(["/bin/sh", "-c", application]),
                "multiInstanceSettings": {
                    "numberOfInstances": 2,
                    "coordinationCommandLine": shlex.join(["/bin/sh", "-c", coordination]),
                    **settings,
                },
            },
        )
        return job

    return start


def subtask(account, job):
    (found,) = account.client.list_subtasks(job, "t")
    return found


def node_file(account, found, name):
    path = f"{found.node_info.task_root_directory}/{name}"
    return b"".join(account.client.download_node_file(account.pool, found.node_info.node_id, path)).decode()


def test_the_application_runs_on_one_node_and_finds_what_was_started_on_the_other(account, start):
    only_there = f'test "$AZ_BATCH_IS_CURRENT_NODE_MASTER" = true || python3 -c {shlex.quote(SERVE)} &'
    job = start(f"python3 -c {shlex.quote(ASK)}; echo $AZ_BATCH_NODE_ID; echo $AZ_BATCH_HOST_LIST", only_there)
    task = account.ended(job)
    assert task.execution_info.exit_code == 0
    other, first, hosts = account.text(job).split()
    found = subtask(account, job)
    assert (found.id, found.state, found.exit_code, found.result.lower()) == (1, "completed", 0, "success")
    assert (other, first) == (found.node_info.node_id, task.node_info.node_id)
    wait_until(lambda: not listens(hosts.split(",")[1]))  # it ended with the task


def listens(host):
    try:
        socket.create_connection((host, 8000)).close()
    except OSError:
        return False
    return True


def test_common_files_are_on_each_node_before_the_coordination_command(account, start, azurite, tmp_path):
    local = tmp_path / "words.txt"
    local.write_text("shared words\n")
    blobs = blob_datastore(azurite)
    blobs.put(local, "words.txt")
    from datetime import timedelta

    url = blobs.signed_url("words.txt", "read", timedelta(hours=1))
    job = start(
        "cat $AZ_BATCH_TASK_SHARED_DIR/a/words.txt",
        "cat $AZ_BATCH_TASK_SHARED_DIR/a/words.txt; echo $AZ_BATCH_NODE_LIST",
        commonResourceFiles=[{"httpUrl": url, "filePath": "a/words.txt"}],
    )
    assert account.ended(job).execution_info.exit_code == 0
    assert account.text(job).startswith("shared words\n")
    words, nodes = node_file(account, subtask(account, job), "stdout.txt").splitlines()
    assert (words, nodes.count(";")) == ("shared words", 1)


def test_a_command_that_fails_on_any_node_fails_the_task_and_ends_the_others(account, start):
    fails_there = 'test "$AZ_BATCH_IS_CURRENT_NODE_MASTER" = true && exec sleep 3600; exit 7'
    job = start("echo never", fails_there)
    info = account.ended(job).execution_info
    assert (info.exit_code, info.failure_info.code) == (7, "FailureExitCode")
    assert account.text(job) == ""
    assert subtask(account, job).exit_code == 7


def test_terminated_it_ends_everywhere(account, start):
    job = start("true", "echo begun; exec sleep 3600")
    wait_until(lambda: account.client.get_task(job, "t").state == "running")
    wait_until(lambda: "begun" in account.text(job) + node_file(account, subtask(account, job), "stdout.txt"))
    account.client.terminate_task(job, "t")
    assert account.ended(job).execution_info.failure_info.message == "Task Was Ended by User Request"
    assert subtask(account, job).state == "completed"


def test_a_lost_node_sends_the_whole_task_back_to_the_queue(account, start):
    job = start("true", "exec sleep 3600")
    wait_until(lambda: account.client.get_task(job, "t").state == "running")
    before = {account.client.get_task(job, "t").node_info.node_id, subtask(account, job).node_info.node_id}
    account.emulator.lose_node(account.pool)
    wait_until(lambda: account.client.get_task(job, "t").execution_info.requeue_count == 1)
    wait_until(lambda: account.client.get_task(job, "t").state == "running")
    after = {account.client.get_task(job, "t").node_info.node_id, subtask(account, job).node_info.node_id}
    assert len(before & after) == 1
    account.client.terminate_task(job, "t")


def test_a_task_that_waits_counts_as_many_as_it_needs_nodes(account, start):
    """So Microsoft says of the metric of autoscale formulas."""
    from azure.batch.models import BatchPoolEvaluateAutoScaleOptions

    blocker = account.job()
    for name in "ab":
        account.add(blocker, "sleep 3600", name)
    wait_until(lambda: all(account.client.get_task(blocker, name).state == "running" for name in "ab"))
    start("true", "true")
    account.client.enable_pool_auto_scale(account.pool, {"autoScaleFormula": "$TargetDedicatedNodes=2;"})
    formula = "$TargetDedicatedNodes = $PendingTasks.GetSample(1);"
    asked = BatchPoolEvaluateAutoScaleOptions(auto_scale_formula=formula)
    assert "$TargetDedicatedNodes=4" in account.client.evaluate_pool_auto_scale(account.pool, asked).results
