"""``Microsoft.ContainerInstance/containerGroups``: containers that run for real."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aml_plugins.testing.azure_emulator.arm.containers import GroupContainer
from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem, not_found
from aml_plugins.testing.azure_emulator.arm.operations import Operations
from aml_plugins.testing.azure_emulator.arm.secrets import hide_secrets
from aml_plugins.testing.azure_emulator.arm.surroundings import Surroundings
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.engines import engine as find_engine
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["ContainerGroups"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_VERSION = "2018-06-01"
_MOST_CONTAINERS = 60


class _Group:
    """One group: what was asked for, and its containers.

    :param before: those that run one after the other before all others begin.
    """

    def __init__(
        self, body: dict[str, Any], containers: list[GroupContainer], before: Sequence[GroupContainer] = ()
    ) -> None:
        self.body = body
        self.containers = containers
        self.before = list(before)
        self.is_stopped = False
        self.is_leaving = False
        self.surroundings = Surroundings(body["properties"])

    @property
    def properties(self) -> dict[str, Any]:
        return self.body["properties"]  # type: ignore[no-any-return]  # JSON

    @property
    def all(self) -> list[GroupContainer]:
        """All containers, in the order in which they begin."""
        return [*self.before, *self.containers]

    @property
    def cores(self) -> float:
        found = self.properties["containers"]
        return sum(float(one["properties"]["resources"]["requests"]["cpu"]) for one in found)


class ContainerGroups:
    """All groups of the subscription."""

    def __init__(self, settings: Settings, engine: Engine, operations: Operations) -> None:
        self._settings = settings
        self._engine = engine
        self._operations = operations
        self._groups: dict[str, _Group] = {}
        self.calls = {
            "ContainerGroups_CreateOrUpdate": self.put,
            "ContainerGroups_Get": self.get,
            "ContainerGroups_List": self.list,
            "ContainerGroups_ListByResourceGroup": self.list,
            "ContainerGroups_Update": self.patch,
            "ContainerGroups_Delete": self.delete,
            "ContainerGroups_Start": self.start,
            "ContainerGroups_Stop": self.stop,
            "ContainerGroups_Restart": self.restart,
            "Containers_ListLogs": self.logs,
            "Containers_ExecuteCommand": self.refuse,
            "Containers_Attach": self.refuse,
            "Location_ListUsage": self.usage,
        }

    def has(self, path: str) -> bool:
        """Say whether there is a group with this id."""
        parts = path.lower().split("/")
        return "microsoft.containerinstance" in parts and f"{parts[4]}/{parts[-1]}" in self._groups

    def put(self, request: Request) -> Answer:
        self._check(request)
        known = self._groups.get(_key(request))
        body = _stored(request)
        if known is not None:
            for container in known.all:
                container.remove(lambda: None)
        group = _Group(body, [])
        policy = str(group.properties["restartPolicy"])
        make = partial(self._container, request, group)
        group.containers = [make(one, policy) for one in group.properties["containers"]]
        again = "Never" if policy == "Never" else "OnFailure"
        group.before = [make(one, again) for one in group.properties["initContainers"]]
        self._groups[_key(request)] = group
        operation = self._operations.begin(
            request, str(body["id"]), going="Pending", version=_VERSION, location=str(body["location"]),
            is_named=False,
        )  # fmt: skip
        self._operations.after(self._settings.delays.arm, operation, lambda: self._begin(group))
        headers = self._operations.headers(operation)
        shown = self._shown(group, view=False)
        shown["properties"]["instanceView"] = {"events": [], "state": "Pending"}
        return Answer(200 if known else 201, shown, headers)

    def _container(self, request: Request, group: _Group, one: Mapping[str, Any], policy: str) -> GroupContainer:
        name = _container_name(request, one)
        return GroupContainer(self._engine, name, one["properties"], policy, group.surroundings)

    def get(self, request: Request) -> Answer:
        return Answer(200, self._shown(self._group(request), view=True))

    def list(self, request: Request) -> Answer:
        wanted = request.parameters.get("resourceGroupName", "").lower()
        found = [
            self._shown(group, view=False)
            for key, group in sorted(self._groups.items())
            if not wanted or key.partition("/")[0] == wanted
        ]
        return Answer(200, {"value": found})

    def patch(self, request: Request) -> Answer:
        group = self._group(request)
        group.body["tags"] = dict((request.body or {}).get("tags") or {})
        return Answer(200, self._shown(group, view=True))

    def delete(self, request: Request) -> Answer:
        """The group is there until its containers are gone."""
        group = self._groups.get(_key(request))
        if group is None or group.is_leaving:
            return Answer(204)
        shown = self._shown(group, view=True)
        group.is_leaving = True
        left = set(range(len(group.all)))

        def gone(number: int) -> None:
            with self._engine.lock:
                left.discard(number)
                if not left:
                    group.surroundings.close()
                if not left and self._groups.get(_key(request)) is group:
                    del self._groups[_key(request)]

        for number, container in enumerate(group.all):
            container.remove(partial(gone, number))
        return Answer(200, shown)

    def start(self, request: Request) -> Answer:
        group = self._group(request)
        group.is_stopped = False
        operation = self._operations.begin(
            request, str(group.body["id"]), going="Pending", version=_VERSION, location=str(group.body["location"])
        )
        self._operations.after(self._settings.delays.arm, operation, lambda: self._begin(group))
        return Answer(202, None, self._operations.headers(operation, location=True))

    def stop(self, request: Request) -> Answer:
        group = self._group(request)
        if group.properties["provisioningState"] != "Succeeded" or group.is_leaving:
            name = request["containerGroupName"]
            raise ArmProblem(
                409,
                "ContainerGroupTransitioning",
                f"The container group '{name}' is still transitioning, please retry later.",
            )
        group.is_stopped = True
        for container in group.all:
            container.stop()
        return Answer(204)

    def restart(self, request: Request) -> Answer:
        self.stop(request)
        group = self._group(request)
        group.is_stopped = False

        def again() -> None:
            self._begin(group)

        self._engine.after(self._settings.delays.arm, again)
        return Answer(204)

    def logs(self, request: Request) -> Answer:
        if _key(request) not in self._groups:
            name = request["containerGroupName"]
            raise ArmProblem(404, "ContainerGroupNotFound", f"The container group '{name}' is not found.")
        group = self._group(request)
        names = [str(one["name"]) for one in group.properties["containers"]]
        if request["containerName"] not in names:
            raise ArmProblem(404, "ContainerNotFound", f"The container '{request['containerName']}' is not found.")
        container = group.containers[names.index(request["containerName"])]
        tail = request.query.get("tail")
        return Answer(200, {"content": container.logs(int(tail) if tail else None)})

    def refuse(self, request: Request) -> Answer:
        self._group(request)
        raise ArmProblem(400, "NotSupportedByEmulator", "The emulator opens no terminals.")

    def usage(self, request: Request) -> Answer:
        del request
        quotas = self._settings.quotas
        cores = sum(group.cores for group in self._groups.values())
        rows = (("ContainerGroups", quotas.container_groups, len(self._groups)),
                ("StandardCores", int(quotas.container_cores), int(cores)))  # fmt: skip
        value = [
            {"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": name}}
            for name, limit, used in rows
        ]
        return Answer(200, {"value": value})

    def close(self) -> None:
        """End all containers."""
        for group in list(self._groups.values()):  # one may be leaving
            for ending in [container.remove(lambda: None) for container in group.all]:
                ending.join()
            group.surroundings.close()

    def _begin(self, group: _Group) -> Mapping[str, Any] | None:
        if find_engine() is None:
            group.properties["provisioningState"] = "Failed"
            return {
                "code": "ContainerEngineMissing",
                "message": "The emulator needs a running container engine for container groups: start dockerd.",
            }
        if group.is_leaving:
            return None
        group.properties["provisioningState"] = "Succeeded"
        self._start(group, 0)
        return None

    def _start(self, group: _Group, at: int, code: int = 0) -> None:
        """Start the next container that runs before others, or all others; after a failure, none."""
        if code != 0 or group.is_leaving or group.is_stopped:
            return
        if at < len(group.before):
            group.before[at].start(lambda code: self._start(group, at + 1, code))
            return
        for container in group.containers:
            container.start()

    def _group(self, request: Request) -> _Group:
        found = self._groups.get(_key(request))
        if found is None:
            name = request["containerGroupName"]
            group = request["resourceGroupName"]
            raise not_found(f"/resourceGroups/{group}/providers/Microsoft.ContainerInstance/containerGroups/{name}")
        return found

    def _check(self, request: Request) -> None:
        name, asked = request["containerGroupName"], request.body["properties"]
        if not _NAME.fullmatch(name):
            raise ArmProblem(
                400, "InvalidContainerGroupName", f"The container group name '{name}' is invalid: use a-z, 0-9 and '-'."
            )
        if not 0 < len(asked["containers"]) <= _MOST_CONTAINERS:
            raise ArmProblem(400, "InvalidContainerGroup", "A container group has 1 to 60 containers.")
        if not asked.get("osType"):
            raise ArmProblem(400, "OsTypeNotSpecified", "The 'osType' of the container group is not specified.")
        if asked.get("ipAddress") and len(asked["containers"]) > 1:
            raise ArmProblem(400, "NotSupportedByEmulator", "The emulator gives addresses to groups of one container.")
        self._check_images(name, asked)
        others = [group for key, group in self._groups.items() if key != _key(request)]
        self._check_quota("ContainerGroups", len(others), 1, self._settings.quotas.container_groups)
        wanted = _Group({"properties": asked}, []).cores
        self._check_quota("StandardCores", sum(g.cores for g in others), wanted, self._settings.quotas.container_cores)

    def _check_images(self, name: str, asked: Mapping[str, Any]) -> None:
        """Azure looks at every image before it creates anything."""
        known = self._settings.images
        for container in (*(asked.get("initContainers") or ()), *asked["containers"]):
            image = str(container["properties"].get("image") or "")
            if known is not None and image not in known:
                raise ArmProblem(
                    400,
                    "InaccessibleImage",
                    f"The image '{image}' in container group '{name}' is not accessible. Please check the image and "
                    "registry credential.",
                )

    def _check_quota(self, what: str, used: float, wanted: float, limit: float) -> None:
        if used + wanted > limit:
            raise ArmProblem(
                400,
                "ContainerGroupQuotaReached",
                f"Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota '{what}' exceeded "
                f"in region '{self._settings.region}'. Limit: '{limit:g}', Usage: '{used:g}' Requested: '{wanted:g}'.",
            )

    def _shown(self, group: _Group, *, view: bool) -> dict[str, Any]:
        """Return a group as it is answered: without secrets, and in lists without what happens in it."""
        body = copy.deepcopy(group.body)
        properties = body["properties"]
        self._show_address(group, properties)
        hide_secrets(properties)
        if view:
            shown = (*properties["initContainers"], *properties["containers"])
            for one, container in zip(shown, group.all, strict=True):
                one["properties"]["instanceView"] = container.view()
            properties["instanceView"] = {"events": [], "state": self._state(group)}
        return body

    def _show_address(self, group: _Group, properties: dict[str, Any]) -> None:
        address = properties.get("ipAddress")
        if not address:
            return
        if address.get("dnsNameLabel"):
            address.setdefault("autoGeneratedDomainNameLabelScope", "Unsecure")
        found = next((container.address for container in group.containers if container.address), None)
        if found is not None:
            address["ip"] = found
        if address.get("dnsNameLabel"):
            address["fqdn"] = f"{address['dnsNameLabel']}.{group.body['location']}.azurecontainer.io"

    def _state(self, group: _Group) -> str:
        states = [container.current for container in group.containers]
        if group.is_stopped and all(container.is_terminated for container in group.containers):
            return "Stopped"
        if any(one.current.get("exitCode") for one in group.before) and group.properties["restartPolicy"] == "Never":
            return "Failed"
        if not all(container.is_started for container in group.containers):
            return "Pending"
        policy = group.properties["restartPolicy"]
        ended = all(state["state"] == "Terminated" for state in states)
        if not ended or policy == "Always" or self._settings.stale_group_state:
            return "Running"
        return "Succeeded" if all(state["exitCode"] == 0 for state in states) else "Failed"


def _key(request: Request) -> str:
    return f"{request['resourceGroupName']}/{request['containerGroupName']}".lower()


def _container_name(request: Request, container: Mapping[str, Any]) -> str:
    return f"aci-{request['containerGroupName']}-{container['name']}"


def _stored(request: Request) -> dict[str, Any]:
    """Return a group as it is kept: what was asked, with the service's own facts and defaults."""
    asked = copy.deepcopy(request.body)
    properties = asked["properties"]
    for container in properties["containers"]:
        inner = container["properties"]
        inner.setdefault("ports", [])
        inner.setdefault("environmentVariables", [])
        requests = inner["resources"]["requests"]
        requests |= {"memoryInGB": float(requests["memoryInGB"]), "cpu": float(requests["cpu"])}
    kept = {
        "sku": "Standard",
        "restartPolicy": "Always",
        **properties,
        "initContainers": properties.get("initContainers") or [],
        "provisioningState": "Pending",
        "provisioningTimeoutInSeconds": 1800,
        "isCustomProvisioningTimeout": False,
    }
    name, group = request["containerGroupName"], request["resourceGroupName"]
    return {
        "properties": kept,
        "id": f"/subscriptions/{request['subscriptionId']}/resourceGroups/{group}"
        f"/providers/Microsoft.ContainerInstance/containerGroups/{name}",
        "name": name,
        "type": "Microsoft.ContainerInstance/containerGroups",
        "location": asked.get("location") or "westus",
        "tags": asked.get("tags") or {},
    } | ({"zones": asked["zones"]} if asked.get("zones") else {})
