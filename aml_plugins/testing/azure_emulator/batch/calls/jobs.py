"""``/jobs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls.answers import created, done, listed, shown
from aml_plugins.testing.azure_emulator.batch.defaults import automatic_pool, job_constraints, told
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.jobs import Job
from aml_plugins.testing.azure_emulator.batch.resources import check_id
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["CALLS"]

_RANGES = {"priority": (-1000, 1000)}
_REPLACED = frozenset({"priority", "maxParallelTasks", "onAllTasksComplete", "metadata"}) | {
    "allowTaskPreemption", "networkConfiguration",
}  # fmt: skip


def create(account: Account, request: Request) -> Answer:
    asked = request.body
    if check_id(asked["id"]).lower() in account.schedules:
        raise BatchProblem("JobScheduleWithSameIdExists")
    _check(asked)
    info = asked["poolInfo"]
    if bool(info.get("poolId")) is bool(info.get("autoPoolSpecification")):
        raise BatchProblem(
            "InvalidPropertyValue", PropertyName="poolInfo", Reason="Exactly one of poolId and autoPoolSpecification"
        )
    # The service tells this path for each job that somebody creates, whatever its id.
    return created(account, account.add_job(asked), "/jobs/job-1")


def list_(account: Account, request: Request) -> Answer:
    found = [job.body for job in account.jobs.values() if account.is_listed(job.created)]
    return listed(account, request, "jobs", found)


def of_schedule(account: Account, request: Request) -> Answer:
    start = f"{request['jobScheduleId'].lower()}:"
    return listed(account, request, "jobs", [job.body for job in account.jobs.values() if job.key.startswith(start)])


def get(account: Account, request: Request) -> Answer:
    return shown(account, request, "jobs", _job(account, request))


def delete(account: Account, request: Request) -> Answer:
    account.delete_job(_job(account, request))
    return Answer(202)


def patch(account: Account, request: Request) -> Answer:
    job = _job(account, request)
    if job.state in {"terminating", "completed", "deleting"}:
        job.check_open()
    _check(request.body)
    changes = told(request.body)
    if changes.get("constraints") is not None:  # as a whole: what it leaves out is the default again
        changes["constraints"] = job_constraints(changes["constraints"])
    account.patch(job, changes)
    account.check_complete(job)
    account.schedule()
    return done(account, request, job, 200)


def replace(account: Account, request: Request) -> Answer:
    job = _job(account, request)
    job.check_open()
    given = {name: value for name, value in told(request.body).items() if value is not None}
    for name in ("metadata", "networkConfiguration"):
        job.body.pop(name, None)
    job.update(
        {
            "priority": 0,
            "maxParallelTasks": -1,
            "onAllTasksComplete": "noaction",
            **{name: value for name, value in given.items() if name in _REPLACED},
            "constraints": job_constraints(given.get("constraints")),
            "poolInfo": automatic_pool(given["poolInfo"], account.word),
        }
    )
    account.check_complete(job)
    return done(account, request, job, 200)


def terminate(account: Account, request: Request) -> Answer:
    job = _job(account, request)
    job.terminate(str((request.body or {}).get("terminateReason") or "UserTerminate"))
    job.update({})
    return done(account, request, job, 202)


def disable(account: Account, request: Request) -> Answer:
    job = _job(account, request)
    job.disable(str(request.body["disableTasks"]).lower())
    job.update({})
    return done(account, request, job, 202)


def enable(account: Account, request: Request) -> Answer:
    job = _job(account, request)
    job.enable()
    job.update({})
    return done(account, request, job, 202)


def task_counts(account: Account, request: Request) -> Answer:
    tasks = list(_job(account, request).tasks.values())
    numbers = {
        "active": [task for task in tasks if task.state == "active"],
        "running": [task for task in tasks if task.state in {"running", "preparing"}],
        "completed": [task for task in tasks if task.state == "completed"],
        "succeeded": [task for task in tasks if task.succeeded is True],
        "failed": [task for task in tasks if task.succeeded is False],
    }
    kind = "taskcountsresult"
    return Answer(
        200,
        {
            "odata.metadata": f"{account.endpoint}/$metadata#{kind}/@Element",
            "taskCounts": {name: len(found) for name, found in numbers.items()},
            "taskSlotCounts": {name: sum(task.slots for task in found) for name, found in numbers.items()},
        },
    )


def preparation(account: Account, request: Request) -> Answer:
    job = _job(account, request)
    if not {"jobPreparationTask", "jobReleaseTask"} & job.body.keys():
        raise BatchProblem("JobPreparationTaskNotSpecified")
    pool = account.pool_of(job)
    found = [
        {
            "poolId": job.pool_id,
            "nodeId": node,
            "nodeUrl": f"{pool.body['url'] if pool else ''}/nodes/{node}",
            "jobPreparationTaskExecutionInfo": {
                "retryCount": 0,
                **{name: value for name, value in record.items() if name != "release"},
            },
            **({"jobReleaseTaskExecutionInfo": record["release"]} if "release" in record else {}),
        }
        for node, record in job.preparations.items()
    ]
    return listed(account, request, "jobpreparationandreleasetaskstatuslist", found, "nodeId")


def _job(account: Account, request: Request) -> Job:
    job = account.job(request["jobId"])
    job.check_conditions(request)
    return job


def _check(asked: Mapping[str, Any]) -> None:
    for name, (low, high) in _RANGES.items():
        value = asked.get(name)
        if value is not None and not low <= value <= high:
            raise BatchProblem("InvalidPropertyValue", PropertyName=name, PropertyValue=str(value))
    parallel = asked.get("maxParallelTasks")
    if parallel is not None and parallel != -1 and parallel <= 0:
        raise BatchProblem("InvalidPropertyValue", PropertyName="maxParallelTasks", PropertyValue=str(parallel))


CALLS = {
    "Jobs_CreateJob": create,
    "Jobs_ListJobs": list_,
    "Jobs_ListJobsFromSchedule": of_schedule,
    "Jobs_GetJob": get,
    "Jobs_DeleteJob": delete,
    "Jobs_UpdateJob": patch,
    "Jobs_ReplaceJob": replace,
    "Jobs_TerminateJob": terminate,
    "Jobs_DisableJob": disable,
    "Jobs_EnableJob": enable,
    "Jobs_GetJobTaskCounts": task_counts,
    "Jobs_ListJobPreparationAndReleaseTaskStatus": preparation,
}
