"""``Microsoft.ContainerRegistry/registries``: task runs and runs, which build for real."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem
from aml_plugins.testing.azure_emulator.batch.text import iso
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.registry.engine_build import EngineBuild
from aml_plugins.testing.azure_emulator.registry.files import BuildFiles
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["Builds"]

_ENDED = frozenset({"Succeeded", "Failed", "Canceled", "Error", "Timeout"})


class Builds:
    """Of all registries: every registry is there."""

    def __init__(self, settings: Settings, engine: Engine, files: BuildFiles) -> None:
        self._settings = settings
        self._engine = engine
        self._files = files
        self._task_runs: dict[str, dict[str, Any]] = {}
        self._runs: dict[str, dict[str, Any]] = {}
        self._working: dict[str, tuple[EngineBuild, threading.Thread]] = {}
        self.calls: Mapping[str, Callable[[Request], Answer]] = {
            "Registries_GetBuildSourceUploadUrl": self._upload_url,
            "Registries_ScheduleRun": lambda request: Answer(200, self._begun(request, request.body)),
            "TaskRuns_Create": self._create,
            "TaskRuns_Get": lambda request: Answer(200, self._task_run(request)),
            "TaskRuns_Delete": self._delete,
            "TaskRuns_List": self._list_task_runs,
            "Runs_Get": lambda request: Answer(200, self._run(request)),
            "Runs_List": self._list_runs,
            "Runs_GetLogSasUrl": self._log,
            "Runs_Cancel": self._cancel,
        }

    def close(self) -> None:
        """End all builds."""
        working = list(self._working.values())
        for build, _ in working:
            build.cancel()
        for _, thread in working:
            thread.join()

    def _upload_url(self, request: Request) -> Answer:
        name = f"source/{uuid.uuid4().hex}.tar.gz"
        address = self._files.address(request.base, name, writable=True)
        return Answer(200, {"uploadUrl": address, "relativePath": name})

    def _create(self, request: Request) -> Answer:
        """A task run whose request is the same is the same; another request, or another tag, is run anew."""
        key = _key(request)
        given = request.body["properties"]
        known = self._task_runs.get(key)
        asked = (given.get("runRequest"), given.get("forceUpdateTag"))
        if known is not None and asked == (known["asked"], known["tag"]):
            return Answer(200, self._task_run(request))
        result = self._begun(request, given["runRequest"])
        self._task_runs[key] = {"asked": copy.deepcopy(asked[0]), "tag": asked[1], "run": result["name"],
                                "name": request["taskRunName"], "id": request.path}  # fmt: skip
        return Answer(201 if known is None else 200, self._task_run(request))

    def _task_run(self, request: Request) -> dict[str, Any]:
        known = self._task_runs.get(_key(request))
        if known is None:
            raise _missing(request)
        return self._shown_task_run(known)

    def _shown_task_run(self, known: Mapping[str, Any]) -> dict[str, Any]:
        run = self._runs[known["run"]]
        status = run["properties"]["status"]
        state = {"Succeeded": "Succeeded", "Canceled": "Canceled"}.get(
            status, "Failed" if status in _ENDED else "Creating"
        )
        # What is secret is not shown.
        asked = copy.deepcopy(known["asked"])
        for argument in asked.get("arguments") or ():
            if argument.get("isSecret"):
                argument["value"] = ""
        properties = {"provisioningState": state, "runRequest": asked, "runResult": copy.deepcopy(run)}
        if known["tag"] is not None:
            properties["forceUpdateTag"] = known["tag"]
        kind = "Microsoft.ContainerRegistry/registries/taskRuns"
        return {"id": known["id"], "name": known["name"], "type": kind, "properties": properties}

    def _delete(self, request: Request) -> Answer:
        """A run goes on without its task run."""
        return Answer(200 if self._task_runs.pop(_key(request), None) else 204)

    def _list_task_runs(self, request: Request) -> Answer:
        below = f"{request.path.lower().rstrip('/')}/"
        found = [self._shown_task_run(one) for key, one in self._task_runs.items() if key.startswith(below)]
        return Answer(200, {"value": found})

    def _list_runs(self, request: Request) -> Answer:
        below = f"{request.path.lower().rstrip('/')}/"
        return Answer(200, {"value": [run for run in self._runs.values() if run["id"].lower().startswith(below)]})

    def _run(self, request: Request) -> dict[str, Any]:
        found = self._runs.get(request["runId"])
        if found is None:
            raise _missing(request)
        return found

    def _log(self, request: Request) -> Answer:
        name = f"logs/{self._run(request)['name']}.log"
        return Answer(200, {"logLink": self._files.address(request.base, name, writable=False)})

    def _cancel(self, request: Request) -> Answer:
        run_id = self._run(request)["name"]
        if run_id in self._working:
            self._working[run_id][0].cancel()
        return Answer(200)

    def _begun(self, request: Request, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Begin a run; return it."""
        if asked.get("type") != "DockerBuildRequest":
            raise ArmProblem(501, "NotSupportedByEmulator", f"The emulator runs no {asked.get('type')}.")
        source = self._files.content(str(asked.get("sourceLocation")))
        if source is None:
            raise ArmProblem(400, "InvalidSourceLocation", "The source location is not one that was uploaded.")
        run_id = f"cf{len(self._runs) + 1}"
        host = request.base.partition("://")[2]
        registry = "/".join(request.path.split("/")[:9])
        self._runs[run_id] = {
            "id": f"{registry}/runs/{run_id}", "name": run_id, "type": "Microsoft.ContainerRegistry/registries/runs",
            "properties": {"runId": run_id, "status": "Queued", "runType": "QuickBuild", "createTime": iso(),
                           "lastUpdatedTime": iso(), "platform": asked["platform"], "isArchiveEnabled": False,
                           "provisioningState": "Creating"},
        }  # fmt: skip
        build = EngineBuild(
            asked, source, host, self._settings.registry_admin,
            lambda piece: self._files.append(f"logs/{run_id}.log", piece),
        )  # fmt: skip
        thread = threading.Thread(target=self._work, args=(run_id, build), daemon=True)
        self._working[run_id] = build, thread
        thread.start()
        return copy.deepcopy(self._runs[run_id])

    def _work(self, run_id: str, build: EngineBuild) -> None:
        self._tell(run_id, status="Running", startTime=iso())
        status = build.run()
        said = {"runErrorMessage": "failed during run, err: exit status 1"} if status == "Failed" else {}
        state = status if status in {"Succeeded", "Canceled"} else "Failed"
        self._tell(run_id, status=status, finishTime=iso(), provisioningState=state, **said)
        with self._engine.lock:
            self._working.pop(run_id, None)

    def _tell(self, run_id: str, **facts: str) -> None:
        with self._engine.lock:
            self._runs[run_id]["properties"] |= {**facts, "lastUpdatedTime": iso()}


def _key(request: Request) -> str:
    return request.path.lower()


def _missing(request: Request) -> ArmProblem:
    kind, name = request.path.split("/")[-2:]
    return ArmProblem(404, "ResourceNotFound", f"The resource '{kind}/{name}' was not found.")
