"""``Microsoft.Batch/batchAccounts/pools``: a life cycle only, no nodes. Answers as recorded."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.arm.batch_accounts import BatchAccounts
from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem, not_found
from aml_plugins.testing.azure_emulator.arm.operations import Operations
from aml_plugins.testing.azure_emulator.arm.tagged import Tagged
from aml_plugins.testing.azure_emulator.batch.defaults import told
from aml_plugins.testing.azure_emulator.batch.text import iso
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["BatchPools"]

_WEAK = 'W/"{}"'
_FIXED = {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0, "resizeTimeout": "PT15M"}
_ANYBODY = {"scope": "Pool", "elevationLevel": "NonAdmin"}


class BatchPools:
    """All pools of all accounts."""

    def __init__(self, settings: Settings, operations: Operations, accounts: BatchAccounts) -> None:
        self._settings = settings
        self._operations = operations
        self._accounts = accounts
        self._known: dict[str, Tagged] = {}
        self.calls: Mapping[str, Callable[[Request], Answer]] = {
            "Pool_Create": self.put,
            "Pool_Get": self.get,
            "Pool_ListByBatchAccount": self.list,
            "Pool_Update": self.patch,
            "Pool_Delete": self.delete,
            "Pool_StopResize": self.stop_resize,
            "Pool_DisableAutoScale": self.disable_scaling,
        }

    def has(self, path: str) -> bool:
        """Say whether there is a pool with this id."""
        return path.lower() in self._known

    def put(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        account = path.rpartition("/pools/")[0]
        if not self._accounts.has(account):
            raise ArmProblem(
                404,
                "ParentResourceNotFound",
                "Failed to perform 'write' on resource(s) of type 'batchAccounts/pools', because the parent resource "
                f"'{account}' could not be found.",
            )
        known = self._known.get(path.lower())
        _check_conditions(request, known)
        asked = {"properties": _filled(told(copy.deepcopy(request.body.get("properties") or {})))}
        if known is None:
            known = self._known[path.lower()] = Tagged(path, asked)
            times = dict.fromkeys(("creationTime", "provisioningStateTransitionTime"), iso(known.modified))
            known.properties.update(times)
        else:
            known.update({}, asked["properties"])
        return self._scaled(known)

    def get(self, request: Request) -> Answer:
        return _shown(self._existing(request.path))

    def list(self, request: Request) -> Answer:
        start = request.path.rstrip("/").lower() + "/"
        found = [_shown(one).body for path, one in sorted(self._known.items()) if path.startswith(start)]
        return Answer(200, {"value": found})

    def patch(self, request: Request) -> Answer:
        found = self._existing(request.path)
        _check_conditions(request, found)
        changes = told(copy.deepcopy((request.body or {}).get("properties") or {}))
        if "scaleSettings" not in changes:
            found.update({}, changes)
            return _shown(found)
        found.update({}, changes | {"scaleSettings": _scale(changes["scaleSettings"])})
        return self._scaled(found)

    def delete(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        found = self._known.get(path.lower())
        if found is None:
            return Answer(204)
        found.properties.update(provisioningState="Deleting", provisioningStateTransitionTime=iso())
        account, _, name = path.rpartition("/pools/")
        operation = self._operations.begin_at(
            request, account, f"poolOperationResults/delete-{name}", lambda: Answer(200)
        )

        def gone() -> None:
            self._known.pop(path.lower(), None)

        self._operations.after(self._settings.delays.arm, operation, gone)
        return Answer(202, None, self._operations.place(operation))

    def stop_resize(self, request: Request) -> Answer:
        found = self._existing(request.path.rstrip("/").rpartition("/")[0])
        _steady(found)
        return _shown(found)

    def disable_scaling(self, request: Request) -> Answer:
        found = self._existing(request.path.rstrip("/").rpartition("/")[0])
        found.update({}, {"scaleSettings": {"fixedScale": dict(_FIXED)}})
        return _shown(found)

    def _scaled(self, pool: Tagged) -> Answer:
        """Begin to scale; no node comes of it."""
        properties = pool.properties
        properties |= {"allocationState": "Resizing", "allocationStateTransitionTime": iso()}
        properties.pop("resizeOperationStatus", None)
        if "fixedScale" in properties["scaleSettings"]:
            properties["resizeOperationStatus"] = {
                "targetDedicatedNodes": properties["scaleSettings"]["fixedScale"]["targetDedicatedNodes"],
                "nodeDeallocationOption": "Requeue",
                "resizeTimeout": properties["scaleSettings"]["fixedScale"]["resizeTimeout"],
                "startTime": iso(),
            }
        tag = pool.tag

        def arrived() -> None:
            if pool.tag == tag:
                _steady(pool)

        self._operations.later(self._settings.delays.arm, arrived)
        return _shown(pool)

    def _existing(self, path: str) -> Tagged:
        found = self._known.get(path.rstrip("/").lower())
        if found is None:
            raise not_found(path)
        return found


def _steady(pool: Tagged) -> None:
    pool.properties.update(allocationState="Steady", allocationStateTransitionTime=iso())


def _shown(pool: Tagged) -> Answer:
    """A pool tells its tag twice, and when it was changed."""
    answer = pool.answer(_WEAK)
    answer.body["properties"]["lastModified"] = iso(pool.modified)
    answer.body["etag"] = answer.headers["ETag"]
    return answer


def _check_conditions(request: Request, pool: Tagged | None) -> None:
    wanted, unwanted = request.headers.get("if-match"), request.headers.get("if-none-match")
    tag = pool and _WEAK.format(pool.tag)
    if (wanted and (tag is None or wanted not in {"*", tag})) or (unwanted and tag and unwanted in {"*", tag}):
        raise ArmProblem(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")


def _filled(asked: dict[str, Any]) -> dict[str, Any]:
    size = str(asked.get("vmSize") or "")
    filled = {
        "provisioningState": "Succeeded",
        "interNodeCommunication": "Disabled",
        "taskSlotsPerNode": 1,
        "taskSchedulingPolicy": {"nodeFillType": "Spread"},
        "currentDedicatedNodes": 0,
        "currentLowPriorityNodes": 0,
        **asked,
        "vmSize": size.upper() if size.lower().startswith("standard_") else size.capitalize(),
        "scaleSettings": _scale(asked.get("scaleSettings")),
    }
    if accounts := asked.get("userAccounts"):
        filled["userAccounts"] = [{"elevationLevel": "NonAdmin", **account} for account in accounts]
    if task := asked.get("startTask"):
        identity = task.get("userIdentity") or {}
        if "userName" not in identity:
            identity = {"autoUser": _ANYBODY | dict(identity.get("autoUser") or {})}
        filled["startTask"] = {"maxTaskRetryCount": 0, "waitForSuccess": True, **task, "userIdentity": identity}
    return filled


def _scale(asked: Mapping[str, Any] | None) -> dict[str, Any]:
    if asked and asked.get("autoScale"):
        return {"autoScale": {"evaluationInterval": "PT15M", **asked["autoScale"]}}
    return {"fixedScale": _FIXED | dict((asked or {}).get("fixedScale") or {})}
