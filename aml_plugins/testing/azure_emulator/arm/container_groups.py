"""``Microsoft.ContainerInstance/containerGroups``: containers that run for real."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from aml_plugins.testing.azure_emulator.arm.container_group import Group, stored
from aml_plugins.testing.azure_emulator.arm.container_group_rules import check_group
from aml_plugins.testing.azure_emulator.arm.containers import GroupContainer
from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem, not_found
from aml_plugins.testing.azure_emulator.arm.operations import Operations
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.engines import engine as find_engine
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["ContainerGroups"]

_VERSION = "2018-06-01"


class ContainerGroups:
    """All groups of the subscription."""

    def __init__(self, settings: Settings, engine: Engine, operations: Operations) -> None:
        self._settings = settings
        self._engine = engine
        self._operations = operations
        self._groups: dict[str, Group] = {}
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
        others = [group for key, group in self._groups.items() if key != _key(request)]
        check_group(request, self._settings, others)
        known = self._groups.get(_key(request))
        body = stored(request)
        if known is not None:
            for container in known.all:
                container.remove(lambda: None)
        group = Group(body)
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

    def _container(self, request: Request, group: Group, one: Mapping[str, Any], policy: str) -> GroupContainer:
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

    def _begin(self, group: Group) -> Mapping[str, Any] | None:
        if find_engine() is None:
            group.properties["provisioningState"] = "Failed"
            return {
                "code": "ContainerEngineMissing",
                "message": "The emulator needs a running container engine for container groups: start dockerd.",
            }
        if group.is_leaving:
            return None
        group.properties["provisioningState"] = "Succeeded"
        group.start()
        return None

    def _group(self, request: Request) -> Group:
        found = self._groups.get(_key(request))
        if found is None:
            name = request["containerGroupName"]
            group = request["resourceGroupName"]
            raise not_found(f"/resourceGroups/{group}/providers/Microsoft.ContainerInstance/containerGroups/{name}")
        return found

    def _shown(self, group: Group, *, view: bool) -> dict[str, Any]:
        return group.shown(view=view, is_stale=self._settings.stale_group_state)


def _key(request: Request) -> str:
    return f"{request['resourceGroupName']}/{request['containerGroupName']}".lower()


def _container_name(request: Request, container: Mapping[str, Any]) -> str:
    return f"aci-{request['containerGroupName']}-{container['name']}"
