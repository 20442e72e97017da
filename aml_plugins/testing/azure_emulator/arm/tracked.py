"""Resources that only have a life cycle here: AKS and HDInsight clusters."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aml_plugins.testing.azure_emulator.arm.errors import not_found
from aml_plugins.testing.azure_emulator.arm.operations import Operations
from aml_plugins.testing.azure_emulator.batch.text import milliseconds
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
    :param facts: what the service says of itself, and what it fills in, given a resource as it was asked for.
    :param spelled: its type, where the service writes it otherwise than the path does.
    :param headers: of its answers, where they are not the resource manager's.
    """

    prefix: str
    put: int
    going: str
    version: str
    creating: str
    created: str
    facts: Callable[[Mapping[str, Any], str], Mapping[str, Any]]
    deleted: int = 202
    place: str | None = None
    spelled: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_POOL = {
    "provisioningState": "Succeeded", "powerState": {"code": "Running"}, "type": "VirtualMachineScaleSets",
    "osType": "Linux", "osSKU": "Ubuntu", "mode": "User", "maxPods": 110,
}  # fmt: skip


def _aks(asked: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    name, given = asked["name"], asked["properties"]
    region = str(asked.get("location") or "westus")
    host = f"{given.get('dnsPrefix') or name}-dns"
    version = given.get("kubernetesVersion") or "1.33"
    pools = [{**_POOL, "orchestratorVersion": version, **pool} for pool in given.get("agentPoolProfiles") or ()]
    return {
        "powerState": {"code": "Running"},
        "kubernetesVersion": version,
        "currentKubernetesVersion": version,
        "fqdn": f"{host}.hcp.{region}.azmk8s.example",
        "azurePortalFQDN": f"{host}.portal.hcp.{region}.azmk8s.example",
        "nodeResourceGroup": given.get("nodeResourceGroup") or f"MC_{group}_{name}_{region}",
        **({"agentPoolProfiles": pools} if pools else {}),
    }


def _hdinsight(asked: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    del group
    name = asked["name"]
    return {
        "clusterId": "00000000000000000000000000000000",
        "createdDate": milliseconds()[:-1],
        "clusterState": "Accepted",
        "connectivityEndpoints": [
            {"name": "SSH", "protocol": "TCP", "location": f"{name}-ssh.azurehdinsight.net", "port": 22},
            {"name": "HTTPS", "protocol": "TCP", "location": f"{name}.azurehdinsight.net", "port": 443},
        ],
    }


_KINDS = (
    _Kind(
        "ManagedClusters",
        201,
        "InProgress",
        "2016-03-30",
        "Creating",
        "Succeeded",
        _aks,
        spelled="ManagedClusters",
        headers={"Content-Type": "application/json", "Server": "nginx"},
    ),
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
)
_GATEWAY = {"restAuthCredential.username": "admin", "restAuthCredential.password": "emulator"}
"""Of a cluster that was created without a word about its gateway."""
_CREATES = ("CreateOrUpdate", "Create")
_ACTIONS = (
    "/listclusterusercredential",
    "/listclusteradmincredential",
    "/getgatewaysettings",
    "/updategatewaysettings",
)
_LISTS = ("List", "ListByResourceGroup")


class TrackedResources:
    """All of them, by their id."""

    def __init__(self, settings: Settings, engine: Engine, operations: Operations) -> None:
        self._settings = settings
        self._engine = engine
        self._operations = operations
        self._known: dict[str, dict[str, Any]] = {}

    def has(self, path: str) -> bool:
        """Say whether there is a resource with this id."""
        return path.lower() in self._known

    def answer(self, operation_id: str, request: Request) -> Answer | None:
        """Answer an operation, None for one that is not ours."""
        prefix, _, verb = operation_id.partition("_")
        kind = next((kind for kind in _KINDS if kind.prefix == prefix), None)
        if kind is None:
            return None
        if verb in _CREATES:
            return _with(kind, self._put(kind, request))
        if verb in _LISTS:
            return _with(kind, self._listed(request))
        calls: dict[str, Callable[[Request], Answer]] = {
            "Get": self._get,
            "Delete": lambda one: self._delete(kind, one),
            "Update": self._patch,
            "UpdateTags": self._patch,
            "ListClusterUserCredentials": self._kubeconfig,
            "ListClusterAdminCredentials": self._kubeconfig,
            "GetGatewaySettings": self._gateway,
            "UpdateGatewaySettings": self._set_gateway,
        }
        return _with(kind, calls[verb](request)) if verb in calls else None

    def _put(self, kind: _Kind, request: Request) -> Answer:
        path, parts = request.path.rstrip("/"), request.path.strip("/").split("/")
        body = copy.deepcopy(request.body)
        known = path.lower() in self._known
        namespace = parts[parts.index("providers") + 1]
        stored = {
            **body,
            "id": path,
            "name": parts[-1],
            "type": f"{namespace}/{kind.spelled or parts[-2]}",
            "properties": dict(body.get("properties") or {}),
        }
        if kind.spelled:  # the service has ids of its own spelling, too
            stored["id"] = re.sub("/resourceGroups/", "/resourcegroups/", path, flags=re.IGNORECASE)
            stored.setdefault("sku", {"name": "Base", "tier": "Free"})
        properties = stored["properties"]
        properties |= {**kind.facts(stored, parts[3]), "provisioningState": kind.creating}
        self._known[path.lower()] = stored
        operation = self._operations.begin(
            request, path, going=kind.going, version=kind.version, location=str(body.get("location") or "westus"),
            place=kind.place,
        )  # fmt: skip

        def created() -> None:
            properties["provisioningState"] = kind.created
            if "clusterState" in properties:
                properties["clusterState"] = "Running"

        self._operations.after(self._settings.delays.arm, operation, created)
        return Answer(200 if known else kind.put, _shown(stored), self._operations.headers(operation))

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
        found = self._known.get(_without_action(request.path).lower())
        if found is None:
            raise not_found(_without_action(request.path))
        return found


def _with(kind: _Kind, answer: Answer) -> Answer:
    given = {name: value for name, value in kind.headers.items() if answer.body is not None or name != "Content-Type"}
    return replace(answer, headers={**given, **answer.headers})


def _without_action(path: str) -> str:
    path = path.rstrip("/")
    action = next((one for one in _ACTIONS if path.lower().endswith(one)), "")
    return path[: len(path) - len(action)]


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
