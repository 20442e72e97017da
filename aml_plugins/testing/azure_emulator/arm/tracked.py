"""Resources that only have a life cycle here: AKS and HDInsight clusters, Batch accounts and their pools."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem
from aml_plugins.testing.azure_emulator.arm.operations import Operations
from aml_plugins.testing.azure_emulator.batch.text import iso
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["TrackedResources"]


@dataclass(frozen=True)
class _Kind:
    """How one type of resource behaves.

    :param put: status of an accepted creation; ``going``: the word of its operation.
    :param creating, created: its ``provisioningState``.
    :param deleted: status of an accepted deletion.
    :param place: where its creation is asked about, if not where most are.
    :param facts: what the service adds to the properties.
    """

    prefix: str
    put: int
    going: str
    version: str
    creating: str
    created: str
    facts: Callable[[str, Settings], Mapping[str, Any]]
    deleted: int = 202
    place: str | None = None


def _aks(name: str, settings: Settings) -> Mapping[str, Any]:
    return {
        "fqdn": f"{name}-dns.hcp.{settings.region}.azmk8s.example",
        "kubernetesVersion": "1.33",
        "powerState": {"code": "Running"},
        "nodeResourceGroup": f"MC_{name}_{settings.region}",
    }


def _hdinsight(name: str, settings: Settings) -> Mapping[str, Any]:
    del settings
    return {
        "clusterId": "00000000000000000000000000000000",
        "createdDate": iso()[:23],
        "clusterState": "Accepted",
        "connectivityEndpoints": [
            {"name": "SSH", "protocol": "TCP", "location": f"{name}-ssh.azurehdinsight.net", "port": 22},
            {"name": "HTTPS", "protocol": "TCP", "location": f"{name}.azurehdinsight.net", "port": 443},
        ],
    }


def _batch_account(name: str, settings: Settings) -> Mapping[str, Any]:
    return {
        "accountEndpoint": f"{name}.{settings.region}.batch.azure.com",
        "poolAllocationMode": "BatchService",
        "publicNetworkAccess": "Enabled",
        "dedicatedCoreQuota": settings.quotas.dedicated_nodes,
        "lowPriorityCoreQuota": settings.quotas.low_priority_nodes,
        "poolQuota": settings.quotas.pools,
        "activeJobAndJobScheduleQuota": settings.quotas.active_jobs,
        "allowedAuthenticationModes": ["SharedKey", "AAD", "TaskAuthenticationToken"],
    }


def _pool(name: str, settings: Settings) -> Mapping[str, Any]:
    del name, settings
    return {"allocationState": "Steady", "creationTime": iso(), "lastModified": iso()}


_KINDS = (
    _Kind("ManagedClusters", 201, "InProgress", "2016-03-30", "Creating", "Succeeded", _aks),
    _Kind(
        "Clusters",
        200,
        "InProgress",
        "2021-06-01",
        "InProgress",
        "Succeeded",
        _hdinsight,
        place="azureasyncoperations/create",
    ),
    _Kind("BatchAccount", 202, "InProgress", "2024-07-01", "Creating", "Succeeded", _batch_account),
    _Kind("Pool", 200, "InProgress", "2024-07-01", "Succeeded", "Succeeded", _pool),
)
_GATEWAY = {"restAuthCredential.username": "admin", "restAuthCredential.password": "emulator"}
"""Of a cluster that was created without a word about its gateway."""
_CREATES = ("CreateOrUpdate", "Create")
_ACTIONS = (
    "/listclusterusercredential",
    "/listclusteradmincredential",
    "/getgatewaysettings",
    "/updategatewaysettings",
    "/listkeys",
    "/regeneratekeys",
)
_LISTS = ("List", "ListByResourceGroup", "ListByBatchAccount")


class TrackedResources:
    """All of them, by their id."""

    def __init__(self, settings: Settings, engine: Engine, operations: Operations) -> None:
        self._settings = settings
        self._engine = engine
        self._operations = operations
        self._known: dict[str, dict[str, Any]] = {}

    def answer(self, operation_id: str, request: Request) -> Answer | None:
        """Answer an operation, None for one that is not ours."""
        prefix, _, verb = operation_id.partition("_")
        kind = next((kind for kind in _KINDS if kind.prefix == prefix), None)
        if kind is None:
            return None
        if verb in _CREATES:
            return self._put(kind, request)
        if verb in _LISTS:
            return self._listed(request)
        calls: dict[str, Callable[[Request], Answer]] = {
            "Get": self._get,
            "Delete": lambda one: self._delete(kind, one),
            "Update": self._patch,
            "UpdateTags": self._patch,
            "GetKeys": self._keys,
            "RegenerateKey": self._keys,
            "ListClusterUserCredentials": self._kubeconfig,
            "ListClusterAdminCredentials": self._kubeconfig,
            "GetGatewaySettings": self._gateway,
            "UpdateGatewaySettings": self._set_gateway,
        }
        return calls[verb](request) if verb in calls else None

    def _put(self, kind: _Kind, request: Request) -> Answer:
        path, parts = request.path.rstrip("/"), request.path.strip("/").split("/")
        body = copy.deepcopy(request.body)
        known = path.lower() in self._known
        self._check_parent(kind, parts)
        properties = {**(body.get("properties") or {}), **kind.facts(parts[-1], self._settings)}
        properties["provisioningState"] = kind.creating
        namespace = parts[parts.index("providers") + 1]
        stored = {
            **body,
            "id": path,
            "name": parts[-1],
            "type": f"{namespace}/{parts[-2]}",
            "properties": properties,
        }
        self._known[path.lower()] = stored
        if kind.put == 200 and kind.creating == kind.created:  # noqa: PLR2004  done at once
            return Answer(200, _shown(stored))
        operation = self._operations.begin(
            request, path, going=kind.going, version=kind.version, location=str(body.get("location") or "westus"),
            place=kind.place,
        )  # fmt: skip

        def created() -> None:
            properties["provisioningState"] = kind.created
            if "clusterState" in properties:
                properties["clusterState"] = "Running"

        self._operations.after(self._settings.delays.arm, operation, created)
        status = 200 if known else kind.put
        accepted = None if status == 202 else _shown(stored)  # noqa: PLR2004  accepted, and nothing to show yet
        return Answer(status, accepted, self._operations.headers(operation, location=status == 202))  # noqa: PLR2004

    def _check_parent(self, kind: _Kind, parts: list[str]) -> None:
        """A pool is in an account."""
        parent = parts[:-2]
        if kind.prefix != "Pool" or parent[-1].lower() == self._settings.account.lower():
            return
        if f"/{'/'.join(parent)}".lower() not in self._known:
            raise ArmProblem(
                404,
                "ParentResourceNotFound",
                f"Failed to perform 'write' on resource(s) of type 'batchAccounts/pools', because the parent resource "
                f"'/{'/'.join(parent)}' could not be found.",
            )

    def _get(self, request: Request) -> Answer:
        return Answer(200, _shown(self._existing(request)))

    def _listed(self, request: Request) -> Answer:
        start = request.path.rstrip("/").lower()
        scope, _, kind = start.partition("/providers/")
        found = [
            _shown(one)
            for path, one in sorted(self._known.items())
            if path.startswith(scope) and path.rpartition("/")[0].endswith(kind)
        ]
        return Answer(200, {"value": found})

    def _delete(self, kind: _Kind, request: Request) -> Answer:
        path = request.path.rstrip("/")
        found = self._known.get(path.lower())
        if found is None:
            return Answer(204)
        found["properties"]["provisioningState"] = "Deleting"
        operation = self._operations.begin(
            request, path, going=kind.going, version=kind.version, location=str(found.get("location") or "westus")
        )

        def gone() -> None:
            self._known.pop(path.lower(), None)

        self._operations.after(self._settings.delays.arm, operation, gone)
        return Answer(kind.deleted, None, self._operations.headers(operation, location=True))

    def _patch(self, request: Request) -> Answer:
        found = self._existing(request)
        changes = dict(request.body or {})
        found["properties"] |= changes.pop("properties", None) or {}
        found |= changes
        return Answer(200, _shown(found))

    def _keys(self, request: Request) -> Answer:
        name = request["accountName"]
        if name.lower() != self._settings.account.lower():  # that of the data plane is there without its creation
            self._existing(request)
        return Answer(200, {"accountName": name, "primary": self._settings.key, "secondary": self._settings.key})

    def _kubeconfig(self, request: Request) -> Answer:
        """The kubeconfig of the cluster that there is, or one that leads nowhere: the emulator has no Kubernetes."""
        name, file = request["resourceName"], self._settings.kubeconfig
        text = f"apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\ncurrent-context: {name}\n"
        self._existing(request)
        content = file.read_bytes() if file is not None else text.encode()
        return Answer(200, {"kubeconfigs": [{"name": "clusterUser", "value": base64.b64encode(content).decode()}]})

    def _gateway(self, request: Request) -> Answer:
        return Answer(200, {**_GATEWAY, **_gateway_of(self._existing(request)), "restAuthCredential.isEnabled": "true"})

    def _set_gateway(self, request: Request) -> Answer:
        _gateway_of(self._existing(request)).update(request.body or {})
        return Answer(202)

    def _existing(self, request: Request) -> dict[str, Any]:
        path = request.path.rstrip("/").lower()
        for action in _ACTIONS:
            path = path.removesuffix(action)
        found = self._known.get(path)
        if found is None:
            name = path.rpartition("/")[2]
            raise ArmProblem(404, "ResourceNotFound", f"The Resource '{name}' was not found.")
        return found


def _gateway_of(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a cluster of HDInsight was told of its gateway."""
    configurations = cluster["properties"].setdefault("clusterDefinition", {}).setdefault("configurations", {})
    found: dict[str, Any] = configurations.setdefault("gateway", {})
    return found


def _shown(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource without what services never tell again: their specifications mark it ``x-ms-secret``."""
    body = copy.deepcopy(dict(stored))
    for holder in _holders_of_secrets(body["properties"]):
        for word in ("secret", "configurations", "sshProfile", "password", "key"):
            holder.pop(word, None)
    return body


def _holders_of_secrets(properties: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("servicePrincipalProfile", "clusterDefinition"):
        if isinstance(holder := properties.get(name), dict):
            yield holder
    yield from (properties.get("storageProfile") or {}).get("storageaccounts") or ()
    for role in (properties.get("computeProfile") or {}).get("roles") or ():
        yield (role.get("osProfile") or {}).get("linuxOperatingSystemProfile") or {}
