"""Tasks: from the queue to a node and to their end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.testing.azure_emulator.batch.defaults import task_constraints, told, user_identity
from aml_plugins.testing.azure_emulator.batch.execution import Execution, Outcome, failure
from aml_plugins.testing.azure_emulator.batch.instances import Instances
from aml_plugins.testing.azure_emulator.batch.resources import Resource
from aml_plugins.testing.azure_emulator.batch.text import iso

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
        self.instances: Instances | None = None
        self.succeeded: bool | None = None
        modified = self.body.pop("lastModified")  # of a task it stands behind the time of creation
        state = {name: self.body.pop(name) for name in ("state", "stateTransitionTime")}
        self.body |= {"lastModified": modified, **state}
        given = {name: value for name, value in told(asked).items() if name != "id" and value is not None}
        self.body |= {
            **given,
            "userIdentity": user_identity(given.get("userIdentity")),
            "constraints": task_constraints(given.get("constraints"), job.default_retries),
            "requiredSlots": given.get("requiredSlots") or 1,
            "executionInfo": {"retryCount": 0, "requeueCount": 0},
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
        if "multiInstanceSettings" in self.body:
            self.instances = Instances(self, coordinated=self._execute, failed=self._conclude)
            self.instances.start()
        else:
            self._execute()

    def stop(self, error: Mapping[str, Any]) -> None:
        """End it, for this reason; one that waits ends at once."""
        if self.execution is not None:
            self.execution.stop(error)
        elif self.instances is not None and self.instances.is_coordinating:
            self.instances.stop(error)
        elif self.state != "completed":
            now = iso()
            self.body["executionInfo"].setdefault("startTime", now)
            self._complete(Outcome(0.0, 0.0, None, error))

    def requeue(self) -> None:
        """Its node is gone: start over, elsewhere."""
        if self.state != "running":
            return
        execution, self.execution = self.execution, None
        instances, self.instances = self.instances, None
        info = self.body["executionInfo"]
        info["requeueCount"] += 1
        info["lastRequeueTime"] = iso()
        info.pop("startTime", None)
        self._vacate()
        self.body.pop("nodeInfo", None)
        self.enter("active")
        if execution is not None:
            execution.stop({})
        if instances is not None:
            instances.abandon()

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
            environment=self.environment(primary, directory),
            node_root=primary.root,
            ended=lambda outcome: self.account.locked(lambda: self._ended(mine, outcome)),
            is_continued=self.instances is not None,
        )
        mine.start()

    @property
    def subtasks(self) -> list[dict[str, Any]]:
        """What is told of them; a task on one node has none."""
        return self.instances.records if self.instances is not None else []

    def environment(self, node: Node, directory: Path) -> dict[str, str]:
        """Return what a process of this task finds in its environment on a node."""
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
        return node.environment(self.body, directory, more)

    def _ended(self, execution: Execution | None, outcome: Outcome) -> None:
        if execution is not self.execution:  # it was requeued meanwhile
            return
        self.execution = None
        self._conclude(outcome)

    def _conclude(self, outcome: Outcome) -> None:
        """Try again, or be done: the primary's end is that of the subtasks."""
        if self.instances is not None:
            self.instances.finish()
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
