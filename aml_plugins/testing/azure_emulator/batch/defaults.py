"""What a client left out, as the service fills it in, and what it never tells again. Seen in recorded answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aml_plugins.testing.azure_emulator.batch.text import FOREVER, duration

__all__ = [
    "JOB",
    "automatic_pool",
    "job_constraints",
    "job_specification",
    "job_tasks",
    "pool_properties",
    "start_task",
    "task_constraints",
    "told",
    "user_identity",
]

Given = Mapping[str, Any]
Word = Callable[[str, str], str]

_DURATIONS = frozenset(
    {
        "maxWallClockTime", "retentionTime", "resizeTimeout", "autoScaleEvaluationInterval", "startWindow",
        "recurrenceInterval",
    }
)  # fmt: skip
_SECRETS = frozenset({"password", "sshPrivateKey", "accountKey", "sasKey"})
_RETENTION = "P7D"


JOB = {
    "priority": 0,
    "maxParallelTasks": -1,
    "allowTaskPreemption": False,
    "usesTaskDependencies": False,
    "onAllTasksComplete": "noaction",
    "onTaskFailure": "noaction",
}
"""What a job says where its creator did not."""


def told(value: Any, name: str = "") -> Any:
    """Return what a client gave as it is told: without secrets, and durations in the service's spelling."""
    if isinstance(value, Mapping):
        return {key: told(item, key) for key, item in value.items() if key not in _SECRETS}
    if isinstance(value, list):
        return [told(item) for item in value]
    return duration(value) if name in _DURATIONS and isinstance(value, str) else value


def job_constraints(given: Given | None) -> dict[str, Any]:
    """Return a job's constraints: those that an update does not mention are the default again."""
    given = given or {}
    return {
        "maxWallClockTime": given.get("maxWallClockTime") or FOREVER,
        "maxTaskRetryCount": given.get("maxTaskRetryCount") or 0,
    }


def task_constraints(given: Given | None, retries: int = 0) -> dict[str, Any]:
    """Return a task's constraints; ``retries`` is what its job says of them."""
    given = given or {}
    asked = given.get("maxTaskRetryCount")
    return {
        "maxWallClockTime": given.get("maxWallClockTime") or FOREVER,
        "retentionTime": given.get("retentionTime") or _RETENTION,
        "maxTaskRetryCount": retries if asked is None else asked,
    }


def user_identity(given: Given | None) -> dict[str, Any]:
    """Return who runs a task: where nobody is named, one user of the pool."""
    if given and "username" in given:
        return dict(given)
    return {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"} | dict((given or {}).get("autoUser") or {})}


def start_task(given: Given) -> dict[str, Any]:
    """Return a pool's start task."""
    return {"maxTaskRetryCount": 0, "waitForSuccess": True, **given, "userIdentity": user_identity(_of(given))}


def job_tasks(given: Given, retries: int) -> dict[str, Any]:
    """Return the tasks that are part of a job itself."""
    found: dict[str, Any] = {}
    if manager := given.get("jobManagerTask"):
        found["jobManagerTask"] = {
            "requiredSlots": 1,
            "runExclusive": True,
            "allowLowPriorityNode": True,
            "killJobOnCompletion": True,
            **_with_constraints(manager, retries),
        }
    if before := given.get("jobPreparationTask"):
        kept = {"id": "jobpreparation", "waitForSuccess": True, "rerunOnNodeRebootAfterSuccess": True}
        found["jobPreparationTask"] = kept | _with_constraints(before, 0)
    if after := given.get("jobReleaseTask"):
        kept = {"id": "jobrelease", "maxWallClockTime": "PT15M", "retentionTime": _RETENTION}
        found["jobReleaseTask"] = {**kept, **after, "userIdentity": user_identity(_of(after))}
    return found


def pool_properties(given: Given, word: Word) -> dict[str, Any]:
    """Return a pool's properties, of those that a client may set."""
    found: dict[str, Any] = {**given, "taskSchedulingPolicy": _policy(given.get("taskSchedulingPolicy"), word)}
    if "vmSize" in given:
        found["vmSize"] = str(given["vmSize"]).lower()
    if machine := given.get("virtualMachineConfiguration"):
        found["virtualMachineConfiguration"] = _machine(machine)
    if accounts := given.get("userAccounts"):
        found["userAccounts"] = [{"elevationLevel": "nonadmin", **account} for account in accounts]
    if network := given.get("networkConfiguration"):
        kept = {"dynamicVNetAssignmentScope": "none", "enableAcceleratedNetworking": False}
        found["networkConfiguration"] = kept | network
    if task := given.get("startTask"):
        found["startTask"] = start_task(task)
    return found


def automatic_pool(info: Given, word: Word) -> dict[str, Any]:
    """Return a job's ``poolInfo``, with what becomes of a pool that is made for it."""
    automatic = info.get("autoPoolSpecification")
    if not automatic:
        return dict(info)
    found = {"keepAlive": False, **automatic}
    if pool := automatic.get("pool"):
        kept = {
            "taskSlotsPerNode": 1,
            "resizeTimeout": "PT15M",
            "targetDedicatedNodes": 0,
            "targetLowPriorityNodes": 0,
            "enableAutoScale": False,
            "enableInterNodeCommunication": False,
        }
        if pool.get("enableAutoScale"):
            kept = {name: value for name, value in kept.items() if not name.startswith(("target", "resize"))}
        found["pool"] = kept | pool_properties(pool, word)
    return {**info, "autoPoolSpecification": found}


def job_specification(given: Given, word: Word) -> dict[str, Any]:
    """Return what a schedule says of its jobs."""
    constraints = job_constraints(given.get("constraints"))
    return {
        **JOB,
        **given,
        **job_tasks(given, int(constraints["maxTaskRetryCount"])),
        "constraints": constraints,
        "poolInfo": automatic_pool(given.get("poolInfo") or {}, word),
    }


def _of(task: Given) -> Given | None:
    return task.get("userIdentity")


def _with_constraints(task: Given, retries: int) -> dict[str, Any]:
    constraints = task_constraints(task.get("constraints"), retries)
    return {**task, "constraints": constraints, "userIdentity": user_identity(_of(task))}


def _policy(given: Given | None, word: Word) -> dict[str, Any]:
    policy = {"nodeFillType": "spread", "jobDefaultOrder": "none", **(given or {})}
    return policy | {"nodeFillType": word("nodeFillType", str(policy["nodeFillType"]))}


def _machine(given: Given) -> dict[str, Any]:
    image: Given = given.get("imageReference") or {}
    found = {**given, "imageReference": {**image, "version": image.get("version") or "latest"}}
    if "publisher" not in image:  # an image of one's own has no version but its own
        found["imageReference"] = dict(image)
    disks: Sequence[Given] = given.get("dataDisks") or ()
    if disks:
        found["dataDisks"] = [{"caching": "none", **disk} for disk in disks]
    return found
