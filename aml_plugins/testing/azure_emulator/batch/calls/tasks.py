"""``/jobs/{}/tasks``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls.answers import created, done, listed, shown, tagged
from aml_plugins.testing.azure_emulator.batch.defaults import task_constraints, told
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.resources import check_id
from aml_plugins.testing.azure_emulator.batch.tasks import ENDED_BY_USER, Task
from aml_plugins.testing.azure_emulator.batch.text import iso
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["CALLS"]

_LARGEST = 1 << 20
_MOST = 100


def create(account: Account, request: Request) -> Answer:
    job = account.job(request["jobId"])
    _check(request.body, len(request.content))
    task = job.add(request.body)
    account.schedule()
    return created(account, task)


def create_many(account: Account, request: Request) -> Answer:
    job = account.job(request["jobId"])
    if len(request.content) > _LARGEST:
        raise BatchProblem("RequestBodyTooLarge")
    if len(request.body["value"]) > _MOST:
        raise BatchProblem("InvalidPropertyValue", PropertyName="value", Reason=f"At most {_MOST} tasks at a time")
    job.check_open()
    value = [_added(account, request, one) for one in request.body["value"]]
    account.schedule()
    return Answer(200, {"odata.metadata": f"{account.endpoint}/$metadata#taskaddresult", "value": value})


def _added(account: Account, request: Request, asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        _check(asked, 0)
        task = account.job(request["jobId"]).add(asked)
    except BatchProblem as problem:
        status = "ClientError" if problem.status < 500 else "ServerError"  # noqa: PLR2004
        body = problem.body(account.endpoint, "00000000-0000-0000-0000-000000000000", iso())
        error = {name: item for name, item in body.items() if name != "odata.metadata"}
        location = f"{account.endpoint}{request.raw_path.rsplit('/', 1)[0]}/tasks/{asked['id']}"
        return {"status": _word(account, status), "taskId": asked["id"], "error": error, "location": location}
    return {
        "status": _word(account, "Success"),
        "taskId": task.id,
        "eTag": task.body["eTag"],
        "lastModified": task.body["lastModified"],
        "location": task.body["url"],
    }


def _word(account: Account, word: str) -> str:
    return word.lower() if account.settings.spelling == "specification" else word


def list_(account: Account, request: Request) -> Answer:
    job = account.job(request["jobId"])
    found = [task.body for task in job.tasks.values() if account.is_listed(task.created)]
    return listed(account, request, "tasks", found)


def get(account: Account, request: Request) -> Answer:
    return shown(account, request, "tasks", _task(account, request))


def replace(account: Account, request: Request) -> Answer:
    task = _task(account, request)
    if task.state == "completed":
        raise BatchProblem("TaskCompleted")
    task.update({"constraints": task_constraints(told(request.body).get("constraints"))})
    return done(account, request, task, 200)


def delete(account: Account, request: Request) -> Answer:
    account.delete_task(_task(account, request))
    account.schedule()
    return Answer(200)


def terminate(account: Account, request: Request) -> Answer:
    task = _task(account, request)
    if task.state == "completed":
        raise BatchProblem("TaskCompleted")
    task.update({})
    task.stop(ENDED_BY_USER)
    return done(account, request, task, 204)


def reactivate(account: Account, request: Request) -> Answer:
    task = _task(account, request)
    if task.state != "completed":
        raise BatchProblem("TaskNotCompleted")
    if task.succeeded:
        raise BatchProblem("TaskSucceeded")
    task.job.check_open()
    task.update({})
    task.reactivate()
    account.schedule()
    return Answer(204, None, tagged(task))


def subtasks(account: Account, request: Request) -> Answer:
    task = _task(account, request)
    return Answer(200, {"odata.metadata": f"{account.endpoint}/$metadata#subtaskinfo", "value": list(task.subtasks)})


def _task(account: Account, request: Request) -> Task:
    task = account.job(request["jobId"]).task(request["taskId"])
    task.check_conditions(request)
    return task


def _check(asked: Mapping[str, Any], size: int) -> None:
    check_id(asked["id"])
    if size > _LARGEST:
        raise BatchProblem("RequestBodyTooLarge")
    if not str(asked["commandLine"]).strip() and not asked.get("containerSettings"):
        raise BatchProblem("InvalidPropertyValue", PropertyName="commandLine", Reason="The command line is empty")
    for file in asked.get("resourceFiles") or ():
        _check_file(file)
    instances = asked.get("multiInstanceSettings")
    if instances is not None and not instances.get("coordinationCommandLine"):
        raise BatchProblem("MissingRequiredProperty", PropertyName="coordinationCommandLine")


def _check_file(file: Mapping[str, Any]) -> None:
    sources = [name for name in ("httpUrl", "storageContainerUrl", "autoStorageContainerName") if file.get(name)]
    if len(sources) != 1:
        raise BatchProblem(
            "InvalidPropertyValue",
            PropertyName="resourceFiles",
            Reason="Exactly one of httpUrl, storageContainerUrl and autoStorageContainerName must be set",
        )
    path = str(file.get("filePath") or "")
    if sources == ["httpUrl"] and not path:
        raise BatchProblem("MissingRequiredProperty", PropertyName="filePath")
    if path.startswith("/") or ".." in path.split("/"):
        raise BatchProblem("InvalidPropertyValue", PropertyName="filePath", PropertyValue=path)


CALLS = {
    "Tasks_CreateTask": create,
    "Tasks_CreateTaskCollection": create_many,
    "Tasks_ListTasks": list_,
    "Tasks_GetTask": get,
    "Tasks_ReplaceTask": replace,
    "Tasks_DeleteTask": delete,
    "Tasks_TerminateTask": terminate,
    "Tasks_ReactivateTask": reactivate,
    "Tasks_ListSubTasks": subtasks,
}
