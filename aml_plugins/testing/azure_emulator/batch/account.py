"""One Batch account: all its state, and who runs next."""

from __future__ import annotations

import secrets
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.jobs import Job, job_action
from aml_plugins.testing.azure_emulator.batch.nodes import Node
from aml_plugins.testing.azure_emulator.batch.pools import Pool
from aml_plugins.testing.azure_emulator.batch.resources import Resource
from aml_plugins.testing.azure_emulator.batch.schedules import JobSchedule
from aml_plugins.testing.azure_emulator.batch.tasks import ENDED_BY_USER, Task
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["Account"]

_SEEN: Mapping[str, Mapping[str, str]] = {
    "category": {"usererror": "UserError", "servererror": "ServerError"},
    "nodeFillType": {"spread": "Spread", "pack": "Pack"},
}
_OPEN_JOBS = frozenset({"active", "disabling", "disabled", "enabling"})


class Account:
    """Everything is called with the engine's lock held.

    :param endpoint: the account's URL, as it stands in resources' own URLs.
    """

    def __init__(self, settings: Settings, engine: Engine, directory: Path, endpoint: str) -> None:
        self.settings = settings
        self.engine = engine
        self.directory = directory
        self.endpoint = endpoint
        self.pools: dict[str, Pool] = {}
        self.jobs: dict[str, Job] = {}
        self.schedules: dict[str, JobSchedule] = {}
        self.problems: Callable[[str, Mapping[str, Any]], list[str]] = lambda _url, _body: []
        self._network = 1 + secrets.randbelow(250), secrets.randbelow(250)

    def address(self, number: int) -> str:
        """Return a node's address: of this machine, so that nodes reach each other, and of this emulator alone."""
        first, second = self._network
        return f"127.{first}.{(second + number // 250) % 250}.{1 + number % 250}"

    def locked(self, action: Callable[[], None]) -> None:
        """Do something from another thread."""
        with self.engine.lock:
            if not self.engine.is_closed:
                action()

    def patch(self, resource: Resource, changes: Mapping[str, Any]) -> None:
        """Take a client's partial changes.

        :raises BatchProblem: where something would be missing then.
        """
        resource.merge(changes, lambda whole: self.problems(str(resource.body["url"]), whole))

    def word(self, kind: str, word: str) -> str:
        """Return a word of an answer as this emulator spells it."""
        if self.settings.spelling == "specification":
            return word.lower()
        return _SEEN.get(kind, {}).get(word.lower(), word)

    def failure(self, error: Mapping[str, Any]) -> dict[str, Any]:
        """Return a ``failureInfo`` as this emulator spells it."""
        return dict(error) | {"category": self.word("category", str(error.get("category", "UserError")))}

    def pool(self, name: str) -> Pool:
        """Return a pool.

        :raises BatchProblem: where there is none of that id.
        """
        found = self.pools.get(name.lower())
        if found is None:
            raise BatchProblem("PoolNotFound")
        return found

    def job(self, name: str) -> Job:
        """Return a job.

        :raises BatchProblem: where there is none of that id.
        """
        found = self.jobs.get(name.lower())
        if found is None:
            raise BatchProblem("JobNotFound")
        return found

    def tasks(self) -> Iterator[Task]:
        """Yield the tasks of all jobs."""
        for job in self.jobs.values():
            yield from job.tasks.values()

    def pool_of(self, job: Job) -> Pool | None:
        """Return the pool that runs a job, if it is there."""
        return self.pools.get(job.pool_id.lower())

    def granted(self, pool: Pool, wanted: int, *, is_dedicated: bool) -> int:
        """Return how many nodes of a kind a pool may have."""
        quotas = self.settings.quotas
        quota = quotas.dedicated_nodes if is_dedicated else quotas.low_priority_nodes
        others = sum(other.count(is_dedicated=is_dedicated) for other in self.pools.values() if other is not pool)
        return max(0, min(wanted, quota - others))

    def add_pool(self, asked: Mapping[str, Any]) -> Pool:
        """Create a pool.

        :raises BatchProblem: where the id is taken, or there are too many.
        """
        there = self.pools.get(str(asked["id"]).lower())
        if there is not None:
            raise BatchProblem("PoolBeingDeleted" if there.state == "deleting" else "PoolExists")
        if len(self.pools) >= self.settings.quotas.pools:
            raise BatchProblem("PoolQuotaReached")
        pool = Pool(self, asked)
        self.pools[pool.key] = pool
        return pool

    def delete_pool(self, pool: Pool) -> None:
        """Begin to delete a pool; its tasks go back to the queue."""
        if pool.state == "deleting":
            raise BatchProblem("PoolBeingDeleted")
        pool.enter("deleting", previous=False)
        pool.leave()

        def gone() -> None:
            for node in list(pool.nodes.values()):
                pool.take_out(node)
            self.pools.pop(pool.key, None)
            self.delete_tree(self.directory / pool.key)

        self.engine.after(self.settings.delays.removal, gone)

    def add_job(self, asked: Mapping[str, Any]) -> Job:
        """Create a job.

        :raises BatchProblem: where the id is taken, or there are too many.
        """
        taken = self.jobs.get(str(asked["id"]).lower())
        if taken is not None:
            raise BatchProblem("JobBeingDeleted" if taken.state == "deleting" else "JobExists")
        if sum(job.state in _OPEN_JOBS for job in self.jobs.values()) >= self.settings.quotas.active_jobs:
            raise BatchProblem("ActiveJobAndScheduleQuotaReached")
        job = Job(self, asked)
        self.jobs[job.key] = job
        manager = job.body.get("jobManagerTask")
        if manager:
            allowed = {"killJobOnCompletion", "runExclusive", "allowLowPriorityNode"}
            job.add({name: value for name, value in manager.items() if name not in allowed})
        self.schedule()
        self.check_complete(job)
        return job

    def delete_job(self, job: Job) -> None:
        """Begin to delete a job and all of its tasks."""
        if job.state == "deleting":
            raise BatchProblem("JobBeingDeleted")
        job.enter("deleting")
        job.update({})

        def gone() -> None:
            for task in list(job.tasks.values()):
                self.delete_task(task)
            job.close()
            self.jobs.pop(job.key, None)

        self.engine.after(self.settings.delays.removal, gone)

    def delete_task(self, task: Task) -> None:
        """Delete a task, whatever it is doing, and its files."""
        task.job.tasks.pop(task.key, None)
        task.stop(ENDED_BY_USER)
        task.stored()

    def delete_tree(self, path: Path) -> None:
        """Delete files; a process that is just ending may still write."""
        shutil.rmtree(path, ignore_errors=True)
        if path.exists() and not self.engine.is_closed:
            self.engine.after(0.2, lambda: shutil.rmtree(path, ignore_errors=True))

    def pool_for(self, info: Mapping[str, Any]) -> str:
        """Return the id of the pool for a job; an automatic one is created."""
        automatic = info.get("autoPoolSpecification")
        if not automatic:
            return str(info.get("poolId", ""))
        prefix = automatic.get("autoPoolIdPrefix")
        unique = str(uuid.uuid4()).upper()
        identity = f"{prefix}_{unique}"[:64] if prefix else unique
        self.add_pool({"id": identity, **(automatic.get("pool") or {"vmSize": "standard_d2s_v3"})})
        return identity

    def release_pool(self, job: Job) -> None:
        """Delete the pool that was made for a job."""
        automatic = job.body["poolInfo"].get("autoPoolSpecification") or {}
        pool = self.pool_of(job)
        is_for_job = bool(automatic) and automatic.get("poolLifetimeOption", "job") == "job"
        if pool and is_for_job and not automatic.get("keepAlive") and pool.state == "active":
            self.delete_pool(pool)

    def interrupt(self, node: Node, *, requeue: bool) -> None:
        """A node's tasks go back to the queue, or end with it."""
        for task in [task for task in self.tasks() if task.identity in node.running]:
            if requeue:
                task.requeue()
            else:
                task.stop(ENDED_BY_USER)
        self.schedule()

    def lose_node(self, node: Node, *, preempted: bool = False) -> None:
        """A node breaks down, or is taken for somebody who pays more; the service gets another."""
        node.enter("preempted" if preempted else "unusable")
        self.interrupt(node, requeue=True)
        node.wipe()

        def replaced() -> None:
            if node.pool.nodes.pop(node.key, None) is not None:
                node.pool.replace_lost()

        self.engine.after(self.settings.delays.allocation, replaced)

    def schedule(self) -> None:
        """Start what can start. Called after everything that may make room."""
        if self.engine.is_closed:
            return
        for job in sorted(self.jobs.values(), key=lambda job: (-int(job.body["priority"]), job.created)):
            pool = self.pool_of(job)
            if pool is None or job.state != "active":
                continue
            for task in list(job.tasks.values()):
                if not pool.has_room:
                    break
                if job.is_runnable(task):
                    nodes = self._nodes_for(task, pool)
                    if nodes and all([job.prepare(node, task) for node in nodes]):  # noqa: C419  ask all of them
                        task.begin(nodes)

    def task_completed(self, task: Task) -> None:
        """What follows from a task's end."""
        job = task.job
        manager = job.body.get("jobManagerTask")
        if job.state == "active" and manager and task.id == manager["id"] and manager.get("killJobOnCompletion", True):
            job.terminate("JMComplete")
        elif (
            job.state == "active" and not task.succeeded and job.body["onTaskFailure"] == "performexitoptionsjobaction"
        ):
            action = job_action(task)
            if action == "terminate":
                job.terminate("TaskFailed")
            elif action == "disable":
                job.disable("requeue")
        self.check_complete(job)
        self.schedule()

    def check_complete(self, job: Job) -> None:
        """End a job that is to end with its tasks; one without tasks has completed them all."""
        wants = str(job.body["onAllTasksComplete"]).lower() == "terminatejob"
        if job.state == "active" and wants and all(task.state == "completed" for task in job.tasks.values()):
            job.terminate("AllTasksComplete")

    def is_listed(self, created: float) -> bool:
        """Whether lists show what was created then: they may lag."""
        return time.time() - created >= self.settings.delays.listing

    def _nodes_for(self, task: Task, pool: Pool) -> list[Node]:
        """Return nodes for a task; empty where there are not enough."""
        if "multiInstanceSettings" in task.body:
            if not pool.body["enableInterNodeCommunication"] or int(pool.body["taskSlotsPerNode"]) != 1:
                return []  # as on Azure, the task waits for ever
            free = [node for node in pool.usable_nodes if not node.running]
            return free[: task.nodes_needed] if len(free) >= task.nodes_needed else []
        free = [node for node in pool.usable_nodes if node.slots_free >= task.slots]
        wanted = (task.body.get("affinityInfo") or {}).get("affinityId")
        pack = str((pool.body.get("taskSchedulingPolicy") or {}).get("nodeFillType", "")).lower() == "pack"
        free.sort(key=lambda node: (node.body["affinityId"] != wanted, node.slots_free if pack else -node.slots_free))
        return free[:1]
