"""A task on several nodes: the coordination command on each of them, then the application on the first.

Source: Microsoft's article on multi-instance tasks. What the coordination command leaves in the background goes on
until the application has ended; a command that fails on any node fails the task and ends the others. Where the task
has containerSettings, each command has a container of its own, so that nothing is left of the first one's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.testing.azure_emulator.batch.execution import Execution, Outcome, failure
from aml_plugins.testing.azure_emulator.batch.text import iso

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator.batch.nodes import Node
    from aml_plugins.testing.azure_emulator.batch.tasks import Task

__all__ = ["Instances"]

_ENDED_WITH_OTHERS = failure("TaskEnded", "Another instance of the task failed")


class Instances:
    """One try of a multi-instance task. Everything but the commands themselves happens with the engine's lock held.

    :param coordinated: called once, when the coordination command has succeeded everywhere.
    :param failed: called once, where it failed or was ended, when all of it is over.
    """

    def __init__(self, task: Task, *, coordinated: Callable[[], None], failed: Callable[[Outcome], None]) -> None:
        self._task = task
        self._coordinated, self._failed = coordinated, failed
        self._failure: Outcome | None = None
        self._is_abandoned = False
        self._running = set(range(len(task.nodes)))
        self._executions = [self._execution(number, node) for number, node in enumerate(task.nodes)]
        self._outcomes: dict[int, Outcome] = {}
        self.records = [self._record(number, node) for number, node in enumerate(task.nodes) if number]

    @property
    def is_coordinating(self) -> bool:
        """Whether the coordination command runs anywhere."""
        return bool(self._running)

    def start(self) -> None:
        """Run the coordination command on every node."""
        for execution in self._executions:
            execution.start()

    def stop(self, error: Mapping[str, Any]) -> None:
        """End it everywhere, for this reason."""
        for execution in self._executions:
            execution.stop(error)

    def abandon(self) -> None:
        """End it everywhere and tell nobody: the task begins anew elsewhere."""
        self._is_abandoned = True
        self.stop({})

    def finish(self) -> None:
        """End what the coordination command left running; the subtasks end with the primary."""
        for execution in self._executions:
            execution.end_remnants()
        for record in self.records:
            self._close(record, self._outcomes.get(int(record["id"])))

    def _execution(self, number: int, node: Node) -> Execution:
        task = self._task
        settings = task.body["multiInstanceSettings"]
        shared = node.root / task.folder
        directory = shared / str(number) if number else shared
        return Execution(
            identity=f"{node.id}/{task.identity}/{number}",
            directory=directory,
            spec={
                "resourceFiles": settings.get("commonResourceFiles"),
                "constraints": task.body["constraints"],
                "containerSettings": task.body.get("containerSettings"),
            },
            environment=task.environment(node, directory),
            node_root=node.root,
            command=str(settings["coordinationCommandLine"]),
            ended=lambda outcome: task.account.locked(lambda: self._ended(number, outcome)),
            shared=shared,
            leaves_processes=True,
        )

    def _ended(self, number: int, outcome: Outcome) -> None:
        if self._is_abandoned:
            return
        self._running.discard(number)
        self._outcomes[number] = outcome
        if outcome.error is not None and self._failure is None:
            self._failure = outcome
            self.stop(_ENDED_WITH_OTHERS)
        if not self._running:
            if self._failure is None:
                self._coordinated()
            else:
                self._failed(self._failure)

    def _record(self, number: int, node: Node) -> dict[str, Any]:
        folder = f"{self._task.folder}/{number}"
        now = iso()
        return {
            "id": number,
            "nodeInfo": {
                "affinityId": node.body["affinityId"],
                "nodeUrl": node.body["url"],
                "poolId": node.pool.id,
                "nodeId": node.id,
                "taskRootDirectory": folder,
                "taskRootDirectoryUrl": f"{node.body['url']}/files/{folder}",
            },
            "startTime": now,
            "state": "running",
            "stateTransitionTime": now,
        }

    def _close(self, record: dict[str, Any], outcome: Outcome | None) -> None:
        began = record["stateTransitionTime"]
        now = iso()
        record |= {"endTime": now, "state": "completed", "stateTransitionTime": now}
        record |= {"previousState": "running", "previousStateTransitionTime": began}
        account = self._task.account
        error = outcome.error if outcome else _ENDED_WITH_OTHERS
        record["result"] = account.word("result", "success" if error is None else "failure")
        if outcome is not None and outcome.exit_code is not None:
            record["exitCode"] = outcome.exit_code
        if error is not None:
            record["failureInfo"] = account.failure(error)
