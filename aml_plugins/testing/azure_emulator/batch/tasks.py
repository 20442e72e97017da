"""Tasks: from the queue to a node and to their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.testing.azure_emulator.batch.execution import Execution, Outcome, failure
from aml_plugins.testing.azure_emulator.batch.resources import Resource
from aml_plugins.testing.azure_emulator.batch.text import FOREVER, iso

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator.batch.jobs import Job
    from aml_plugins.testing.azure_emulator.batch.nodes import Node

__all__ = ["ENDED_BY_USER", "Task"]

ENDED_BY_USER = failure("TaskEnded", "Task Was Ended by User Request")


class Task(Resource):
    """One task of a job.

    :param succeeded: None until it has completed.
    """

    def __init__(self, job: Job, asked: Mapping[str, Any]) -> None:
        super().__init__(str(asked["id"]), f"{job.body['url']}/tasks/{asked['id']}", "active")
        self.job = job
        self.account = job.account
        self.nodes: list[Node] = []
        self.execution: Execution | None = None
        self.subtasks: list[dict[str, Any]] = []
        self._others: list[Execution] = []
        self.succeeded: bool | None = None
        modified = self.body.pop("lastModified")  # of a task it stands behind the time of creation
        state = {name: self.body.pop(name) for name in ("state", "stateTransitionTime")}
        self.body |= {"lastModified": modified, **state}
        given = {name: value for name, value in asked.items() if name != "id" and value is not None}
        constraints = given.pop("constraints", {})
        self.body |= {
            **given,
            "userIdentity": given.get("userIdentity") or {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}},
            "constraints": {
                "maxWallClockTime": constraints.get("maxWallClockTime") or FOREVER,
                "retentionTime": constraints.get("retentionTime") or "P7D",
                "maxTaskRetryCount": constraints.get("maxTaskRetryCount", job.default_retries),
            },
            "requiredSlots": given.get("requiredSlots") or 1,
            "executionInfo": {"retryCount": 0, "requeueCount": 0},
            "nodeInfo": {},
        }

    @property
    def identity(self) -> str:
        """The task among all tasks of the account."""
        return f"{self.job.key}/{self.key}"

    @property
    def folder(self) -> str:
        """Where its files are on its node."""
        return f"workitems/{self.job.id}/job-1/{self.id}"

    @property
    def directory(self) -> Path | None:
        """Where its files are, None before it ran and after its node went."""
        return self.nodes[0].root / self.folder if self.nodes else None

    @property
    def nodes_needed(self) -> int:
        """How many nodes run it at a time."""
        return int((self.body.get("multiInstanceSettings") or {}).get("numberOfInstances") or 1)

    @property
    def slots(self) -> int:
        """How many slots of a node it takes."""
        return int(self.body["requiredSlots"])

    def begin(self, nodes: list[Node]) -> None:
        """Run on these nodes, the first of which is the primary."""
        self.nodes = nodes
        for node in nodes:
            node.occupy(self.identity, self.slots)
        primary = nodes[0]
        self.body["nodeInfo"] = {
            "affinityId": primary.body["affinityId"],
            "nodeUrl": primary.body["url"],
            "poolId": primary.pool.id,
            "nodeId": primary.id,
            "taskRootDirectory": self.folder,
            "taskRootDirectoryUrl": f"{primary.body['url']}/files/{self.folder}",
        }
        self.enter("running")
        self.body["executionInfo"]["startTime"] = iso()
        if len(nodes) > 1 or "multiInstanceSettings" in self.body:
            self._coordinate(primary)
        else:
            self._execute()

    def stop(self, error: Mapping[str, Any]) -> None:
        """End it, for this reason; one that waits ends at once."""
        if self.execution is not None:
            for execution in (self.execution, *self._others):
                execution.stop(error)
        elif self.state != "completed":
            now = iso()
            self.body["executionInfo"].setdefault("startTime", now)
            self._complete(Outcome(0.0, 0.0, None, error))

    def requeue(self) -> None:
        """Its node is gone: start over, elsewhere."""
        if self.execution is None or self.state != "running":
            return
        execution, self.execution = self.execution, None
        info = self.body["executionInfo"]
        info["requeueCount"] += 1
        info["lastRequeueTime"] = iso()
        info.pop("startTime", None)
        self._vacate()
        self.body["nodeInfo"] = {}
        self.enter("active")
        for one in (execution, *self._others):
            one.stop({})

    def reactivate(self) -> None:
        """Run a failed task again."""
        self.succeeded = None
        self.body["executionInfo"] = {"retryCount": 0, "requeueCount": 0}
        self.enter("active")

    def stored(self) -> None:
        """Delete its files."""
        for node in self.nodes:
            node.account.delete_tree(node.root / self.folder)

    def _execute(self) -> None:
        primary = self.nodes[0]
        directory = primary.root / self.folder
        mine = self.execution = Execution(
            identity=f"{primary.id}/{self.identity}",
            directory=directory,
            spec=self.body,
            environment=self._environment(primary),
            node_root=primary.root,
            ended=lambda outcome: self.account.locked(lambda: self._ended(mine, outcome)),
        )
        mine.start()

    def _coordinate(self, primary: Node) -> None:
        """Run the coordination command everywhere; the application on the primary once all have ended."""
        settings = self.body["multiInstanceSettings"]
        waiting = set(range(len(self.nodes)))
        self._others = []
        self.subtasks = [
            {
                "id": number,
                "nodeInfo": {"nodeId": node.id, "poolId": node.pool.id, "nodeUrl": node.body["url"],
                             "affinityId": node.body["affinityId"], "taskRootDirectory": self.folder,
                             "taskRootDirectoryUrl": f"{node.body['url']}/files/{self.folder}"},
                "startTime": iso(),
                "state": "running",
                "stateTransitionTime": iso(),
            }
            for number, node in enumerate(self.nodes)
            if number
        ]  # fmt: skip
        attempt = self.body["executionInfo"]["requeueCount"]

        def coordinated(number: int, outcome: Outcome) -> None:
            if self.state != "running" or self.body["executionInfo"]["requeueCount"] != attempt:
                return
            waiting.discard(number)
            if number:
                self._subtask_ended(number, outcome)
            if outcome.error is not None:
                self.execution = None
                self._complete(outcome)
            elif not waiting:
                self._execute()

        def tell(number: int) -> Callable[[Outcome], None]:
            return lambda outcome: self.account.locked(lambda: coordinated(number, outcome))

        for number, node in enumerate(self.nodes):
            execution = Execution(
                identity=f"{node.id}/{self.identity}/{number}",
                directory=node.root / self.folder / ("coordination" if not number else ""),
                spec={"resourceFiles": settings.get("commonResourceFiles") or ()},
                environment=self._environment(node),
                node_root=node.root,
                command=str(settings["coordinationCommandLine"]),
                ended=tell(number),
            )
            if node is primary:
                self.execution = execution
            else:
                self._others.append(execution)
            execution.start()

    def _subtask_ended(self, number: int, outcome: Outcome) -> None:
        record = self.subtasks[number - 1]
        record |= {"endTime": iso(outcome.ended), "state": "completed", "previousState": "running",
                   "previousStateTransitionTime": record["stateTransitionTime"],
                   "stateTransitionTime": iso()}  # fmt: skip
        record["result"] = self.account.word("result", "success" if outcome.error is None else "failure")
        if outcome.exit_code is not None:
            record["exitCode"] = outcome.exit_code
        if outcome.error:
            record["failureInfo"] = self.account.failure(outcome.error)

    def _environment(self, node: Node) -> dict[str, str]:
        common = {item["name"]: item.get("value", "") for item in self.job.body.get("commonEnvironmentSettings") or ()}
        more = {
            "AZ_BATCH_JOB_ID": self.job.id,
            "AZ_BATCH_TASK_ID": self.id,
            **common,
        }
        if "jobPreparationTask" in self.job.body:
            folder = node.root / "workitems" / self.job.id / "job-1" / "jobpreparation"
            more |= {"AZ_BATCH_JOB_PREP_DIR": str(folder), "AZ_BATCH_JOB_PREP_WORKING_DIR": str(folder / "wd")}
        if "multiInstanceSettings" in self.body:
            addresses = [one.address for one in self.nodes]
            more |= {
                "AZ_BATCH_NODE_LIST": ";".join(addresses),
                "AZ_BATCH_HOST_LIST": ",".join(addresses),
                "AZ_BATCH_MASTER_NODE": f"{addresses[0]}:6000",
                "AZ_BATCH_IS_CURRENT_NODE_MASTER": str(node is self.nodes[0]).lower(),
                "AZ_BATCH_TASK_SHARED_DIR": str(node.root / self.folder),
                "CCP_NODES": f"{len(addresses)} " + " ".join(f"{address} 1" for address in addresses),
            }
        return node.environment(self.body, node.root / self.folder, more)

    def _ended(self, execution: Execution | None, outcome: Outcome) -> None:
        if execution is not self.execution:  # it was requeued meanwhile
            return
        self.execution = None
        info = self.body["executionInfo"]
        limit = int(self.body["constraints"]["maxTaskRetryCount"])
        if outcome.retriable and (limit < 0 or info["retryCount"] < limit):
            info["retryCount"] += 1
            info["lastRetryTime"] = iso()
            self._vacate()
            self.enter("active")
            self.account.schedule()
            return
        self._complete(outcome)

    def _complete(self, outcome: Outcome) -> None:
        info = self.body["executionInfo"]
        info["endTime"] = iso(outcome.ended or None)
        if outcome.exit_code is not None:
            info["exitCode"] = outcome.exit_code
        if outcome.error is not None:
            info["failureInfo"] = self.account.failure(outcome.error)
        self.succeeded = outcome.error is None
        info["result"] = self.account.word("result", "success" if self.succeeded else "failure")
        self._order(info)
        if self.state == "active":  # what the service says of a task that never ran
            self.body.setdefault("nodeInfo", {})
        self.enter("completed")
        self._vacate(succeeded=self.succeeded)
        self.account.task_completed(self)

    def _order(self, info: dict[str, Any]) -> None:
        """Write the facts in the order of the service."""
        names = ("startTime", "endTime", "exitCode", "failureInfo", "result", "retryCount", "lastRetryTime",
                 "requeueCount", "lastRequeueTime")  # fmt: skip
        self.body["executionInfo"] = {name: info[name] for name in names if name in info}

    def _vacate(self, *, succeeded: bool = False) -> None:
        record = {
            "taskUrl": self.body["url"],
            "jobId": self.job.id,
            "taskId": self.id,
            "taskState": self.state,
            "executionInfo": dict(self.body["executionInfo"]),
        }
        for node in self.nodes:
            node.vacate(self.identity, record, succeeded=succeeded)
