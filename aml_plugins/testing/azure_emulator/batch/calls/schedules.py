"""``/jobschedules``."""

from __future__ import annotations

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls.answers import created, done, listed, shown, there
from aml_plugins.testing.azure_emulator.batch.defaults import job_specification, told
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.resources import check_id
from aml_plugins.testing.azure_emulator.batch.schedules import JobSchedule
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["CALLS"]

_ENDS = {
    "completed": "JobScheduleCompleted",
    "deleting": "JobScheduleBeingDeleted",
    "terminating": "JobScheduleBeingTerminated",
}


def create(account: Account, request: Request) -> Answer:
    name = check_id(request.body["id"])
    if name.lower() in account.schedules:
        raise BatchProblem("JobScheduleExists")
    if name.lower() in account.jobs:
        raise BatchProblem("JobWithSameIdExists")
    schedule = JobSchedule(account, request.body)
    account.schedules[schedule.key] = schedule
    return created(account, schedule)


def list_(account: Account, request: Request) -> Answer:
    return listed(account, request, "jobschedules", [one.body for one in account.schedules.values()])


def get(account: Account, request: Request) -> Answer:
    return shown(account, request, "jobschedules", _schedule(account, request))


def exists(account: Account, request: Request) -> Answer:
    return there(_schedule(account, request))


def patch(account: Account, request: Request) -> Answer:
    schedule = _open(account, request)
    account.patch(schedule, told(request.body))
    return _planned_anew(account, schedule, request)


def replace(account: Account, request: Request) -> Answer:
    schedule = _open(account, request)
    changes = {name: value for name, value in told(request.body).items() if value is not None}
    if "jobSpecification" in changes:
        changes["jobSpecification"] = job_specification(changes["jobSpecification"], account.word)
    schedule.update(changes)
    return _planned_anew(account, schedule, request)


def _planned_anew(account: Account, schedule: JobSchedule, request: Request) -> Answer:
    if "schedule" in request.body and schedule.state == "active":
        schedule.plan()
    return done(account, request, schedule, 200)


def disable(account: Account, request: Request) -> Answer:
    schedule = _open(account, request)
    schedule.enter("disabled")
    schedule.update({})
    return done(account, request, schedule, 204)


def enable(account: Account, request: Request) -> Answer:
    schedule = _open(account, request)
    schedule.update({})
    if schedule.state != "active":
        schedule.enter("active")
        schedule.plan()
    return done(account, request, schedule, 204)


def terminate(account: Account, request: Request) -> Answer:
    schedule = _open(account, request)
    _end_jobs(account, schedule)
    schedule.enter("terminating")
    schedule.update({})
    account.engine.after(account.settings.delays.removal, lambda: schedule.enter("completed"))
    return done(account, request, schedule, 202)


def delete(account: Account, request: Request) -> Answer:
    schedule = _schedule(account, request)
    if schedule.state == "deleting":
        raise BatchProblem("JobScheduleBeingDeleted")
    schedule.enter("deleting")
    schedule.update({})
    for job in [job for job in account.jobs.values() if job.key.startswith(f"{schedule.key}:")]:
        if job.state != "deleting":
            account.delete_job(job)

    def gone() -> None:
        account.schedules.pop(schedule.key, None)

    account.engine.after(account.settings.delays.removal, gone)
    return Answer(202)


def _end_jobs(account: Account, schedule: JobSchedule) -> None:
    for job in account.jobs.values():
        if job.key.startswith(f"{schedule.key}:") and job.state == "active":
            job.terminate("TerminateJobSchedule")


def _open(account: Account, request: Request) -> JobSchedule:
    """Return a schedule that has not come to its end."""
    found = _schedule(account, request)
    if found.state in _ENDS:
        raise BatchProblem(_ENDS[found.state])
    return found


def _schedule(account: Account, request: Request) -> JobSchedule:
    found = account.schedules.get(request["jobScheduleId"].lower())
    if found is None:
        raise BatchProblem("JobScheduleNotFound")
    found.check_conditions(request)
    return found


CALLS = {
    "JobSchedules_CreateJobSchedule": create,
    "JobSchedules_ListJobSchedules": list_,
    "JobSchedules_GetJobSchedule": get,
    "JobSchedules_JobScheduleExists": exists,
    "JobSchedules_UpdateJobSchedule": patch,
    "JobSchedules_ReplaceJobSchedule": replace,
    "JobSchedules_DisableJobSchedule": disable,
    "JobSchedules_EnableJobSchedule": enable,
    "JobSchedules_TerminateJobSchedule": terminate,
    "JobSchedules_DeleteJobSchedule": delete,
}
