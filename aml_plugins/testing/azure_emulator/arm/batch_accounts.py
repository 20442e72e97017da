"""``Microsoft.Batch/batchAccounts``: a life cycle and keys; its pools are in ``batch_pools``. Answers as recorded."""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.arm.errors import not_found
from aml_plugins.testing.azure_emulator.arm.operations import Operations
from aml_plugins.testing.azure_emulator.arm.tagged import Tagged
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["BatchAccounts"]

_NAME = re.compile(r"[a-z0-9]+")
_LENGTHS = range(3, 25)


class BatchAccounts:
    """All accounts of the subscription; that of the data plane has keys without having been created."""

    def __init__(self, settings: Settings, operations: Operations) -> None:
        self._settings = settings
        self._operations = operations
        self._known: dict[str, Tagged] = {}
        self.calls: Mapping[str, Callable[[Request], Answer]] = {
            "BatchAccount_Create": self.put,
            "BatchAccount_Get": self.get,
            "BatchAccount_List": self.list,
            "BatchAccount_ListByResourceGroup": self.list,
            "BatchAccount_Update": self.patch,
            "BatchAccount_Delete": self.delete,
            "BatchAccount_GetKeys": self.keys,
            "BatchAccount_RegenerateKey": self.keys,
            "Location_CheckNameAvailability": self.name,
        }

    def has(self, path: str) -> bool:
        """Say whether there is an account with this id."""
        return path.lower() in self._known or path.rpartition("/")[2].lower() == self._settings.account.lower()

    def put(self, request: Request) -> Answer:
        """Begin to create an account: there is nothing to show yet, and one header that says where to ask."""
        path, asked = request.path.rstrip("/"), copy.deepcopy(request.body)
        made = Tagged(path, asked | {"properties": {**(asked.get("properties") or {}), **self._facts(request)}})
        made.body.setdefault("identity", {"type": "None"})
        made.properties["provisioningState"] = "Creating"
        self._known[path.lower()] = made

        def created() -> None:
            made.properties["provisioningState"] = "Succeeded"

        return self._begun(request, path, created, lambda: made.answer('"{}"'))

    def get(self, request: Request) -> Answer:
        return self._existing(request.path).answer('"{}"')

    def list(self, request: Request) -> Answer:
        scope = request.path.lower().partition("/providers/")[0]
        found = [one.body for path, one in sorted(self._known.items()) if path.startswith(f"{scope}/")]
        return Answer(200, {"value": copy.deepcopy(found)})

    def patch(self, request: Request) -> Answer:
        found = self._existing(request.path)
        changes = dict(request.body or {})
        found.update(changes, changes.pop("properties", None) or {})
        return found.answer('"{}"')

    def delete(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        found = self._known.get(path.lower())
        if found is None:
            return Answer(204)
        found.properties["provisioningState"] = "Deleting"
        return self._begun(request, path, lambda: self._forget(path), lambda: Answer(200))

    def keys(self, request: Request) -> Answer:
        name = request["accountName"]
        path = request.path.rstrip("/").rpartition("/")[0]
        if not self.has(path):
            raise not_found(path)
        return Answer(200, {"accountName": name, "primary": self._settings.key, "secondary": self._settings.key})

    def name(self, request: Request) -> Answer:
        name = str(request.body["name"])
        if len(name) not in _LENGTHS:
            return _taken("Invalid", "Account name must be at least 3 characters and at most 24 characters.")
        if not _NAME.fullmatch(name):
            return _taken("Invalid", "Account name can contain only lowercase letters and numbers.")
        if any(path.rpartition("/")[2] == name for path in (*self._known, self._settings.account.lower())):
            return _taken("AlreadyExists", f"An account named '{name}' already exists.")
        return Answer(200, {"nameAvailable": True})

    def _begun(self, request: Request, path: str, done: Callable[[], None], result: Callable[[], Answer]) -> Answer:
        operation = self._operations.begin_at(request, path, f"operationResults/{uuid.uuid4()}", result)
        self._operations.after(self._settings.delays.arm, operation, done)
        return Answer(202, None, self._operations.place(operation))

    def _forget(self, path: str) -> None:
        self._known.pop(path.lower(), None)

    def _existing(self, path: str) -> Tagged:
        found = self._known.get(path.rstrip("/").lower())
        if found is None:
            raise not_found(path)
        return found

    def _facts(self, request: Request) -> dict[str, Any]:
        name, settings = request["accountName"], self._settings
        region = str(request.body.get("location") or settings.region)
        return {
            "accountEndpoint": f"{name}.{region}.batch.azure.com",
            "nodeManagementEndpoint": f"{uuid.uuid4()}.{region}.service.batch.azure.com",
            "dedicatedCoreQuota": settings.quotas.dedicated_nodes,
            "dedicatedCoreQuotaPerVMFamily": [],
            "dedicatedCoreQuotaPerVMFamilyEnforced": False,
            "lowPriorityCoreQuota": settings.quotas.low_priority_nodes,
            "poolQuota": settings.quotas.pools,
            "activeJobAndJobScheduleQuota": settings.quotas.active_jobs,
            "poolAllocationMode": "BatchService",
            "publicNetworkAccess": "Enabled",
            "privateEndpointConnections": [],
            "encryption": {"keySource": "Microsoft.Batch"},
            "allowedAuthenticationModes": ["SharedKey", "AAD", "TaskAuthenticationToken"],
        }


def _taken(reason: str, message: str) -> Answer:
    return Answer(200, {"nameAvailable": False, "reason": reason, "message": message})
