"""Tasks, by Microsoft's own client: they run for real, and end as Batch says."""

from __future__ import annotations

import pytest
from services.azure import blob_datastore

from aml_plugins.testing.jobs import wait_until

RECORDED_FAILURE = {
    "category": "UserError",
    "code": "FailureExitCode",
    "message": "The task exited with an exit code representing a failure",
    "details": [
        {"name": "Message", "value": "The task process exited with an unexpected exit code"},
        {"name": "AdditionalErrorCode", "value": "FailureExitCode"},
    ],
}


def test_a_task_is_a_process_in_its_directory(account):
    job = account.job(commonEnvironmentSettings=[{"name": "A", "value": "job"}, {"name": "B", "value": "job"}])
    task = account.run(
        job,
        "pwd; echo $A $B; echo $AZ_BATCH_TASK_ID $AZ_BATCH_JOB_ID $AZ_BATCH_POOL_ID; echo w > out; echo e >&2",
        environmentSettings=[{"name": "B", "value": "task"}],
    )
    where, settings, names = account.text(job).splitlines()
    assert where.endswith(f"workitems/{job}/job-1/t/wd")
    assert (settings, names) == ("job task", f"t {job} {account.pool}")
    assert account.text(job, "wd/out") == "w\n"
    assert account.text(job, "stderr.txt") == "e\n"
    info = task.execution_info.as_dict()
    assert (info["exitCode"], info["result"], info["retryCount"], info["requeueCount"]) == (0, "success", 0, 0)
    assert task.node_info.task_root_directory == f"workitems/{job}/job-1/t"


def test_a_failed_task_is_completed_after_its_retries(account):
    job = account.job(constraints={"maxTaskRetryCount": 3})
    info = account.run(job, "echo once >> $AZ_BATCH_NODE_SHARED_DIR/count; exit 2").execution_info.as_dict()
    assert (info["exitCode"], info["retryCount"], info["result"]) == (2, 3, "failure")
    assert info["failureInfo"] == RECORDED_FAILURE


def test_a_program_that_is_not_there_has_no_exit_code(account):
    job = account.job()
    account.client.create_task(
        job, {"id": "t", "commandLine": "no-such-program", "constraints": {"maxTaskRetryCount": 5}}
    )
    info = account.ended(job).execution_info.as_dict()
    assert info["failureInfo"]["code"] == "CommandProgramNotFound"
    assert "exitCode" not in info
    assert info["retryCount"] == 0


def test_no_shell_reads_the_command_line(account):
    job = account.job()
    account.client.create_task(job, {"id": "t", "commandLine": "echo $HOME ; exit 3"})
    assert account.ended(job).execution_info.exit_code == 0
    assert account.text(job) == "$HOME ; exit 3\n"


def test_a_terminated_task_leaves_no_process(account):
    job = account.job()
    account.add(job, "sleep 3600 & setsid sleep 3601 & echo begun; wait")
    wait_until(lambda: account.client.get_task(job, "t").state == "running" and "begun" in account.text(job))
    account.client.terminate_task(job, "t")
    failure = account.ended(job).execution_info.failure_info
    assert (failure.code, failure.message) == ("TaskEnded", "Task Was Ended by User Request")
    assert not _processes_of(f"AZ_BATCH_JOB_ID={job}")


def test_a_wall_clock_limit_ends_a_task(account):
    job = account.job()
    info = account.run(job, "sleep 3600", constraints={"maxWallClockTime": "PT0.5S"}).execution_info
    assert info.failure_info.code == "TaskEnded"


def test_resource_files_come_and_output_files_go(account, azurite, tmp_path):
    blobs = blob_datastore(azurite)
    (tmp_path / "in").write_text("content")
    blobs.put(tmp_path / "in", "in")
    from datetime import timedelta

    reading, writing = (
        blobs.signed_url("in", "read", timedelta(hours=1)),
        blobs.signed_url("", "write", timedelta(hours=1)),
    )

    def output(pattern, path, condition):
        container = {"containerUrl": writing, "path": path}
        return {
            "filePattern": pattern,
            "destination": {"container": container},
            "uploadOptions": {"uploadCondition": condition},
        }

    job = account.job()
    account.run(
        job,
        "cat data/in > copy; mkdir -p d/e; echo x > d/e/f.txt; exit 1",
        resourceFiles=[{"httpUrl": reading, "filePath": "data/in"}],
        outputFiles=[
            output("copy", "one", "taskcompletion"),
            output("**/*.txt", "many", "taskfailure"),
            output("../std*.txt", "std", "taskcompletion"),
            output("copy", "never", "tasksuccess"),
        ],
    )
    assert {path for path, _ in blobs.list()} == {"in", "one", "many/d/e/f.txt", "std/stdout.txt", "std/stderr.txt"}


def test_a_resource_file_that_is_missing_is_the_users_error(account, azurite):
    blobs = blob_datastore(azurite)
    from datetime import timedelta

    url = blobs.signed_url("missing", "read", timedelta(hours=1))
    job = account.job()
    info = account.run(job, "true", resourceFiles=[{"httpUrl": url, "filePath": "x"}]).execution_info
    assert (info.failure_info.code, info.failure_info.category, info.exit_code) == ("BlobNotFound", "UserError", None)


def test_tasks_wait_for_those_they_depend_on(account):
    job = account.job(usesTaskDependencies=True)
    account.add(job, "true", "second", dependsOn={"taskIds": ["first"]})
    assert account.client.get_task(job, "second").state == "active"
    account.add(job, "true", "first")
    first, second = account.ended(job, "first"), account.ended(job, "second")
    assert first.execution_info.end_time <= second.execution_info.start_time


def test_a_lost_node_sends_its_task_back_to_the_queue(account):
    job = account.job()
    account.add(job, "echo begun; sleep 3600")
    wait_until(lambda: account.client.get_task(job, "t").state == "running")
    before = account.client.get_task(job, "t").node_info.node_id
    account.emulator.lose_node(account.pool)
    wait_until(lambda: account.client.get_task(job, "t").state == "running")
    task = account.client.get_task(job, "t")
    assert task.execution_info.requeue_count == 1
    assert task.node_info.node_id != before


def test_job_preparation_and_release_run_on_each_node(account):
    job = account.job(
        jobPreparationTask={
            "id": "prepare",
            "commandLine": "/bin/sh -c 'echo ready > $AZ_BATCH_NODE_SHARED_DIR/ready'",
        },
        jobReleaseTask={"id": "release", "commandLine": "/bin/sh -c 'echo bye'"},
    )
    account.run(job, "cat $AZ_BATCH_NODE_SHARED_DIR/ready")
    assert account.text(job) == "ready\n"
    account.client.begin_terminate_job(job, {"terminateReason": "x"}, polling_interval=0.05).result()
    wait_until(lambda: _released(account, job))


def _released(account, job):
    found = list(account.client.list_job_preparation_and_release_task_status(job))
    return found and all(one.job_release_task_execution_info is not None for one in found)


@pytest.mark.parametrize(("setting", "reason"), [("terminatejob", "AllTasksComplete"), ("noaction", None)])
def test_a_job_ends_with_its_tasks_where_it_is_to(account, setting, reason):
    job = account.job()
    account.run(job, "true")
    account.client.update_job(job, {"onAllTasksComplete": setting})
    if reason is None:
        assert account.client.get_job(job).state == "active"
        return
    wait_until(lambda: account.client.get_job(job).state == "completed")
    assert account.client.get_job(job).execution_info.termination_reason == reason


def _processes_of(entry: str) -> list[str]:
    from pathlib import Path

    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if entry.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found
