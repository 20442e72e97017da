"""Jobs: their tasks, what happens before and after them, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.testing.azure_emulator.batch.defaults import JOB, automatic_pool, job_constraints, job_tasks, told
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.execution import Execution, Outcome
from aml_plugins.testing.azure_emulator.batch.resources import Resource
from aml_plugins.testing.azure_emulator.batch.tasks import ENDED_BY_USER, Task
from aml_plugins.testing.azure_emulator.batch.text import iso, seconds_of

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator.batch.account import Account
    from aml_plugins.testing.azure_emulator.batch.nodes import Node

__all__ = ["Job"]


_OWN_TASKS = {
    "jobPreparationTask": "TaskIdSameAsJobPreparationTask",
    "jobReleaseTask": "TaskIdSameAsJobReleaseTask",
}


class Job(Resource):
    """One job.

    :param preparations: of nodes, by their id: what the job preparation task did there.
    """

    def __init__(self, account: Account, asked: Mapping[str, Any]) -> None:
        super().__init__(str(asked["id"]), f"{account.endpoint}/jobs/{asked['id']}", "active")
        self.account = account
        self.tasks: dict[str, Task] = {}
        self.preparations: dict[str, dict[str, Any]] = {}
        given = {name: value for name, value in told(asked).items() if name != "id" and value is not None}
        constraints = job_constraints(given.pop("constraints", None))
        self.body |= {
            **JOB,
            "constraints": constraints,
            **given,
            **job_tasks(given, int(constraints["maxTaskRetryCount"])),
            "poolInfo": automatic_pool(given["poolInfo"], account.word),
            "executionInfo": {"startTime": iso(), "poolId": self.account.pool_for(given["poolInfo"])},
        }
        self._watch_time()

    @property
    def default_retries(self) -> int:
        """How often tasks are tried again that do not say so themselves."""
        return int(self.body["constraints"]["maxTaskRetryCount"])

    @property
    def pool_id(self) -> str:
        """The pool that runs it."""
        return str(self.body["executionInfo"].get("poolId", ""))

    def task(self, name: str) -> Task:
        """Return a task.

        :raises BatchProblem: where there is none of that id.
        """
        found = self.tasks.get(name.lower())
        if found is None:
            raise BatchProblem("TaskNotFound")
        return found

    def add(self, asked: Mapping[str, Any]) -> Task:
        """Add a task.

        :raises BatchProblem: where the id is taken, or the job takes none.
        """
        self.check_open()
        if str(asked["id"]).lower() in self.tasks:
            raise BatchProblem("TaskExists")
        for name, code in _OWN_TASKS.items():
            if (self.body.get(name) or {}).get("id") == asked["id"]:
                raise BatchProblem(code)
        if asked.get("dependsOn") and not self.body["usesTaskDependencies"]:
            raise BatchProblem("TaskDependenciesNotSpecifiedOnJob")
        self._check_container(asked)
        task = Task(self, asked)
        self.tasks[task.key] = task
        return task

    def check_open(self) -> None:
        """Refuse tasks for a job that has ended or is about to.

        :raises BatchProblem: where it has.
        """
        refusal = {
            "completed": "JobCompleted",
            "terminating": "JobBeingTerminated",
            "deleting": "JobBeingDeleted",
        }.get(self.state)
        if refusal:
            raise BatchProblem(refusal)

    def terminate(self, reason: str) -> None:
        """End the job and what runs of it; what waits stays as it is."""
        self.check_open()
        self.enter("terminating")
        self.account.engine.after(self.account.settings.delays.removal, lambda: self._terminated(reason))
        for task in list(self.tasks.values()):
            if task.state in {"running", "preparing"}:
                task.stop(ENDED_BY_USER)

    def disable(self, option: str) -> None:
        """Run nothing more for now."""
        self.check_open()
        self.enter("disabling")
        for task in list(self.tasks.values()):
            if task.state == "running" and option == "terminate":
                task.stop(ENDED_BY_USER)
            elif task.state == "running" and option == "requeue":
                task.requeue()
        self.account.engine.after(self.account.settings.delays.removal, self._disabled)

    def enable(self) -> None:
        """Run tasks again."""
        self.check_open()
        self.enter("enabling")

        def enabled() -> None:
            if self.state == "enabling":
                self.enter("active")
                self.account.schedule()

        self.account.engine.after(self.account.settings.delays.removal, enabled)

    def is_runnable(self, task: Task) -> bool:
        """Whether a task of this job may start now."""
        if self.state != "active" or task.state != "active":
            return False
        limit = int(self.body["maxParallelTasks"])
        running = sum(other.state in {"running", "preparing"} for other in self.tasks.values()) if limit >= 0 else -1
        return running < max(limit, 0) + (limit < 0) and self._dependencies_met(task)

    def prepare(self, node: Node, task: Task) -> bool:
        """Return whether a node is prepared for the job; begin to prepare it where it is not."""
        spec = self.body.get("jobPreparationTask")
        if spec is None:
            return True
        record = self.preparations.get(node.id)
        if record is None:
            self.preparations[node.id] = record = {"state": "running", "retryCount": 0, "startTime": iso()}
            self._run_on(node, spec, "jobpreparation", lambda outcome: self._prepared(node, outcome))
        if record["state"] == "running":
            task.enter("preparing")
            return False
        succeeded = record["result"].lower() == "success"
        return bool(succeeded or not spec.get("waitForSuccess", True))

    def close(self) -> None:
        """Run the release task where something ran, and let go of an automatic pool."""
        spec = self.body.get("jobReleaseTask")
        pool = self.account.pools.get(self.pool_id.lower())
        if pool is not None and spec is not None:
            for node in [node for node in pool.nodes.values() if node.id in self.preparations]:
                self._run_on(node, spec, "jobrelease", lambda outcome, node=node: self._released(node, outcome))
        self.account.release_pool(self)

    def _prepared(self, node: Node, outcome: Outcome) -> None:
        self.preparations[node.id] |= self._facts(node, outcome, "jobpreparation")
        for task in self.tasks.values():
            if task.state == "preparing":
                task.enter("active")
        self.account.schedule()

    def _released(self, node: Node, outcome: Outcome) -> None:
        self.preparations[node.id]["release"] = self._facts(node, outcome, "jobrelease")

    def _facts(self, node: Node, outcome: Outcome, name: str) -> dict[str, Any]:
        folder = f"workitems/{self.id}/job-1/{name}"
        facts: dict[str, Any] = {
            "startTime": iso(outcome.started),
            "endTime": iso(outcome.ended),
            "state": "completed",
            "taskRootDirectory": folder,
            "taskRootDirectoryUrl": f"{node.body['url']}/files/{folder}",
            "result": self.account.word("result", "success" if outcome.error is None else "failure"),
        }
        if outcome.exit_code is not None:
            facts["exitCode"] = outcome.exit_code
        if outcome.error is not None:
            facts["failureInfo"] = self.account.failure(outcome.error)
        return facts

    def _run_on(self, node: Node, spec: Mapping[str, Any], name: str, ended: Any) -> None:
        directory = node.root / "workitems" / self.id / "job-1" / name
        common = {item["name"]: item.get("value", "") for item in self.body.get("commonEnvironmentSettings") or ()}
        more = {"AZ_BATCH_JOB_ID": self.id, "AZ_BATCH_TASK_ID": str(spec.get("id") or name), **common}
        Execution(
            identity=f"{node.id}/{self.key}/{name}",
            directory=directory,
            spec=spec,
            environment=node.environment(spec, directory, more),
            node_root=node.root,
            ended=lambda outcome: self.account.locked(lambda: ended(outcome)),
        ).start()

    def _dependencies_met(self, task: Task) -> bool:
        depends = task.body.get("dependsOn") or {}
        names = {str(name).lower() for name in depends.get("taskIds") or ()}
        for span in depends.get("taskIdRanges") or ():
            names |= {str(number) for number in range(int(span["start"]), int(span["end"]) + 1)}
        return all(name in self.tasks and _satisfies(self.tasks[name]) for name in names)

    def _check_container(self, asked: Mapping[str, Any]) -> None:
        pool = self.account.pools.get(self.pool_id.lower())
        machine = (pool.body.get("virtualMachineConfiguration") if pool else None) or {}
        if pool and bool(asked.get("containerSettings")) is not bool(machine.get("containerConfiguration")):
            raise BatchProblem(
                "InvalidPropertyValue",
                PropertyName="containerSettings",
                Reason="The containerSettings property must be set if and only if the pool has containerConfiguration",
            )

    def _terminated(self, reason: str) -> None:
        if self.state != "terminating":
            return
        if any(task.execution is not None for task in self.tasks.values()):  # they are still ending
            self.account.engine.after(self.account.settings.delays.removal, lambda: self._terminated(reason))
            return
        self.body["executionInfo"] |= {"endTime": iso(), "terminateReason": reason}
        self.enter("completed")
        self.close()

    def _disabled(self) -> None:
        if self.state != "disabling":
            return
        if any(task.state == "running" for task in self.tasks.values()):
            self.account.engine.after(self.account.settings.delays.removal, self._disabled)
        else:
            self.enter("disabled")

    def _watch_time(self) -> None:
        limit = seconds_of(str(self.body["constraints"]["maxWallClockTime"]))
        if limit is None or limit > 1e9:  # noqa: PLR2004  for ever
            return

        def over() -> None:
            if self.state in {"active", "disabled"}:
                self.terminate("MaxWallClockTimeExpiry")

        self.account.engine.after(limit, over)


def _satisfies(task: Task) -> bool:
    """Say whether tasks that depend on this one may start."""
    if task.state != "completed":
        return False
    if task.succeeded:
        return True
    return str(_exit_options(task).get("dependencyAction", "")).lower() == "satisfy"


def _exit_options(task: Task) -> Mapping[str, Any]:
    """Return what ``exitConditions`` say of a task's exit code."""
    conditions = task.body.get("exitConditions") or {}
    code = task.body["executionInfo"].get("exitCode")
    if code is None:
        return conditions.get("preProcessingError") or conditions.get("default") or {}
    for one in conditions.get("exitCodes") or ():
        if one["code"] == code:
            return one.get("exitOptions") or {}
    for span in conditions.get("exitCodeRanges") or ():
        if span["start"] <= code <= span["end"]:
            return span.get("exitOptions") or {}
    return conditions.get("default") or {}


def job_action(task: Task) -> str:
    """Return what a failed task means for its job: none, disable or terminate."""
    return str(_exit_options(task).get("jobAction") or "terminate").lower()
