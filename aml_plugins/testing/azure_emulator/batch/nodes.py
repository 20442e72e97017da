"""Compute nodes: directories in which processes run."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.testing.azure_emulator.batch.execution import Execution, Outcome
from aml_plugins.testing.azure_emulator.batch.resources import Resource
from aml_plugins.testing.azure_emulator.batch.text import iso

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator.batch.account import Account
    from aml_plugins.testing.azure_emulator.batch.pools import Pool

__all__ = ["Node"]

READY = frozenset({"idle", "running"})
_numbers = itertools.count(4)


class Node(Resource):
    """One node; tasks that run on it are in ``running`` by their identity."""

    def __init__(self, account: Account, pool: Pool, *, is_dedicated: bool) -> None:
        number = next(_numbers)
        digest = hashlib.sha256(f"{pool.id}{number}{pool.created}".encode()).hexdigest()
        identity = f"tvmps_{digest}_{'d' if is_dedicated else 'p'}"
        super().__init__(identity, f"{pool.body['url']}/nodes/{identity}", "creating")
        self.account = account
        self.pool = pool
        self.is_dedicated = is_dedicated
        self.running: dict[str, int] = {}
        self.prepared: dict[str, Any] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.address = account.address(number)
        self.root = account.directory / pool.key / identity
        self.start_task: Execution | None = None
        now = iso()
        created = self.body.pop("creationTime")
        for name in ("eTag", "lastModified", "stateTransitionTime"):
            self.body.pop(name)
        self.body |= {
            "schedulingState": "enabled",
            "stateTransitionTime": now,
            "allocationTime": created,
            "ipAddress": self.address,
            "affinityId": f"TVM:{identity}",
            "vmSize": pool.body["vmSize"],
            "totalTasksRun": 0,
            "totalTasksSucceeded": 0,
            "runningTasksCount": 0,
            "runningTaskSlotsCount": 0,
            "isDedicated": is_dedicated,
            "endpointConfiguration": {
                "inboundEndpoints": [
                    {
                        "name": "SSHRule.0",
                        "protocol": "tcp",
                        "publicIPAddress": "203.0.113.1",
                        "publicFQDN": "dns0000.westus.cloudapp.example",
                        "frontendPort": 50000 + number,
                        "backendPort": 22,
                    }
                ]
            },
        }
        image = (pool.body.get("virtualMachineConfiguration") or {}).get("imageReference")
        if image:
            exact = {"exactVersion": image["version"]} if "version" in image else {}
            self.body["virtualMachineInfo"] = {"imageReference": {**image, **exact}}

    def enter(self, state: str, *, previous: bool = False) -> None:
        """Nodes have no previous state."""
        super().enter(state, previous=previous)

    @property
    def slots_free(self) -> int:
        """How many task slots are free."""
        return int(self.pool.body["taskSlotsPerNode"]) - sum(self.running.values())

    @property
    def is_usable(self) -> bool:
        """Whether tasks may start here."""
        return self.state in READY and self.body["schedulingState"] == "enabled"

    def boot(self) -> None:
        """From nothing to idle, over the start task."""
        for folder in ("shared", "startup/wd", "workitems", "fsmounts", "applications", "volatile"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.enter("starting")
        self.account.engine.after(self.account.settings.delays.boot / 2, self._begin)

    def _begin(self) -> None:
        if self.state != "starting":
            return
        self.body["lastBootTime"] = booted = iso()  # before it boots, nobody is there to tell of it
        self.body["nodeAgentInfo"] = {"lastUpdateTime": booted, "version": "1.12.2"}
        task = self.pool.body.get("startTask")
        if not task:
            self.become_ready()
            return
        waits = task.get("waitForSuccess", True)
        self.body["startTask"] = task
        self.body["startTaskInfo"] = {"state": "running", "startTime": iso(), "retryCount": 0}
        self._run_start_task(task, waits)
        if waits:
            self.enter("waitingforstarttask")
        else:
            self.become_ready()

    def _run_start_task(self, task: Mapping[str, Any], waits: bool) -> None:  # noqa: FBT001  called twice
        directory = self.root / "startup"
        self.start_task = Execution(
            identity=f"{self.id}/start",
            directory=directory,
            spec=task,
            environment=self.environment(task, directory),
            node_root=self.root,
            ended=lambda outcome: self.account.locked(lambda: self._started(task, outcome, waits)),
        )
        self.start_task.start()

    def _started(self, task: Mapping[str, Any], outcome: Outcome, waits: bool) -> None:  # noqa: FBT001  likewise
        info = self.body["startTaskInfo"]
        if outcome.retriable and info["retryCount"] < int(task.get("maxTaskRetryCount") or 0):
            info["retryCount"] += 1
            info["lastRetryTime"] = iso()
            self._run_start_task(task, waits)
            return
        info |= {"state": "completed", "endTime": iso(outcome.ended)}
        info["result"] = self.account.word("result", "success" if outcome.error is None else "failure")
        if outcome.exit_code is not None:
            info["exitCode"] = outcome.exit_code
        if outcome.error is not None:
            info["failureInfo"] = self.account.failure(outcome.error)
        if waits and self.state == "waitingforstarttask":
            if outcome.error is None:
                self.become_ready()
            else:
                self.enter("starttaskfailed")

    def become_ready(self) -> None:
        """Take tasks."""
        self.enter("running" if self.running else "idle")
        self.account.schedule()

    def occupy(self, identity: str, slots: int) -> None:
        """A task begins here."""
        self.running[identity] = slots
        self.body["totalTasksRun"] += 1
        self._count()

    def vacate(self, identity: str, record: Mapping[str, Any] | None = None, *, succeeded: bool = False) -> None:
        """A task ended here."""
        self.running.pop(identity, None)
        self.body["totalTasksSucceeded"] += succeeded
        if record:
            self.body["recentTasks"] = [record, *self.body.get("recentTasks", [])][:10]
        self._count()

    def _count(self) -> None:
        self.body["runningTasksCount"] = len(self.running)
        self.body["runningTaskSlotsCount"] = sum(self.running.values())
        if self.state in READY:
            self.enter("running" if self.running else "idle")

    def environment(
        self, spec: Mapping[str, Any], directory: Path, more: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return what a process here finds in its environment."""
        settings = {item["name"]: item.get("value", "") for item in spec.get("environmentSettings") or ()}
        python = str(Path(sys.executable).parent)
        fixed = {
            "PATH": os.pathsep.join((python, os.environ.get("PATH", os.defpath))),
            "HOME": str(directory / "wd"),
            "LANG": "C.UTF-8",
            "AZ_BATCH_ACCOUNT_NAME": self.account.settings.account,
            "AZ_BATCH_ACCOUNT_URL": f"{self.account.endpoint}/",
            "AZ_BATCH_POOL_ID": self.pool.id,
            "AZ_BATCH_NODE_ID": self.id,
            "AZ_BATCH_NODE_IS_DEDICATED": str(self.is_dedicated).lower(),
            "AZ_BATCH_NODE_ROOT_DIR": str(self.root),
            "AZ_BATCH_NODE_SHARED_DIR": str(self.root / "shared"),
            "AZ_BATCH_NODE_STARTUP_DIR": str(self.root / "startup"),
            "AZ_BATCH_NODE_STARTUP_WORKING_DIR": str(self.root / "startup" / "wd"),
            "AZ_BATCH_NODE_MOUNTS_DIR": str(self.root / "fsmounts"),
            "AZ_BATCH_TASK_DIR": str(directory),
            "AZ_BATCH_TASK_WORKING_DIR": str(directory / "wd"),
            "AZ_BATCH_CERTIFICATES_DIR": str(directory / "certs"),
            "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": str(1 << 30),
        }
        return {**fixed, **(more or {}), **settings}

    def wipe(self) -> None:
        """The node's disk is gone."""
        if self.start_task is not None:
            self.start_task.stop({})
        shutil.rmtree(self.root, ignore_errors=True)
