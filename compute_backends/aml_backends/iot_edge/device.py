"""Modules of one device: its manifest is read, changed and set again, for IoT Hub takes it as a whole only."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_backends.iot_edge.manifest import AGENT, HUB, SERVICE, Module, own_name, owner
from aml_backends.iot_edge.places import log_of, says_ready
from aml_backends.iot_edge.queries import deployments_of
from aml_backends.iot_edge.states import Sight, pending, sight_of
from aml_plugins.errors import InvalidInputError, TransientBackendError
from aml_plugins.services.contract import DeploymentState, DeploymentStatus

if TYPE_CHECKING:
    from aml_backends.iot_edge.target import IotEdgeTarget
    from aml_plugins.store.records import ServiceRecord

__all__ = ["Device"]

_TAIL_LINES = 15
_ATTEMPTS = 3
_IMAGES = "mcr.microsoft.com/azureiotedge"


class Device:
    """One device. What others have in its manifest stays as it is."""

    def __init__(self, target: IotEdgeTarget) -> None:
        self._target = target
        self._hub = target.hub
        self._name = str(target.settings.device)

    def put(self, key: str, module: Module, service: ServiceRecord) -> None:
        """Write the module into the manifest.

        :raises InvalidInputError: where the device is governed by an automatic deployment, or a module of that name
            is somebody else's.
        """
        self._refuse_governed()
        for _ in range(_ATTEMPTS):
            if self._put(key, module, service):
                return
        raise TransientBackendError(
            f"Somebody else changes the manifest of the device '{self._name}' all the time.", "It is tried again."
        )

    def has(self, key: str) -> bool:
        return self._find(key) is not None

    def status(self, key: str) -> DeploymentStatus:
        twin = self._twin(AGENT)
        found = _with_key(_properties(twin, "desired"), key)
        if found is None:
            return DeploymentStatus(
                state=DeploymentState.FAILED, reason=f"The module is not in the manifest of '{self._name}' any more."
            )
        name, sight = found[0], self._sight(twin, found[0], key)
        if sight.status.state is DeploymentState.FAILED:
            tail = log_of(self._hub, self._name, name, lines=_TAIL_LINES)
            words = f"{sight.status.reason} Its last lines:\n{tail}" if tail else sight.status.reason
            return dataclasses.replace(sight.status, reason=words)
        if twin.get("connectionState") == "Disconnected":
            words = f"The device '{self._name}' is not connected to the hub. What it runs goes on."
            return DeploymentStatus(state=DeploymentState.UNKNOWN, reason=words)
        if sight.is_running and says_ready(self._hub, self._name, name, sight.started):
            return DeploymentStatus(state=DeploymentState.READY)
        return sight.status

    def remove(self, key: str, instead: tuple[str, Module, ServiceRecord] | None) -> None:
        found = self._find(key)
        if found is None:
            return
        if instead is not None:
            self.put(*instead)
            return
        agent, hub = self._manifest()
        self._forget(agent, hub, found)
        self._set(agent, hub, {})

    def log(self, key: str, lines: int) -> str:
        name = self._find(key)
        return (log_of(self._hub, self._name, name, lines=lines) or "") if name else ""

    def clear(self, service_id: str) -> None:
        twin = self._hub.module_twin(self._name, AGENT) or {}
        modules = _properties(twin, "desired").get("modules") or {}
        names = [name for name, entry in modules.items() if owner(entry, SERVICE) == service_id]
        if names:
            agent, hub = self._manifest()
            for name in names:
                self._forget(agent, hub, name)
            self._set(agent, hub, {})

    def _put(self, key: str, module: Module, service: ServiceRecord) -> bool:
        """Write the module; False where somebody else set the manifest just then: the hub does not see that."""
        agent, hub = self._manifest()
        known = agent["modules"].get(module.name)
        if known is not None and owner(known, SERVICE) != service.service_id:
            raise InvalidInputError(
                f"The device '{self._name}' has a module '{module.name}' already, and it is not of this service.",
                "Choose another name with the setting module.",
            )
        if known == module.entry:
            return True
        if known is not None:
            self._forget(agent, hub, module.name)
        self._enter(agent, hub, module)
        self._set(agent, hub, {module.name: {"properties.desired": dict(module.twin)}} if module.twin else {})
        return self._find(key) == module.name

    def _sight(self, twin: Mapping[str, Any], name: str, key: str) -> Sight:
        desired, reported = _properties(twin, "desired"), _properties(twin, "reported")
        if int(reported.get("lastDesiredVersion") or 0) < int(desired.get("$version") or 0):
            return Sight(pending("The device has not taken up its manifest yet."))
        module = (reported.get("modules") or {}).get(name)
        return sight_of(module, reported.get("lastDesiredStatus") or {}, key)

    def _refuse_governed(self) -> None:
        applied = self._hub.query(deployments_of(self._name))
        found = [
            name for one in applied for name, mark in (one.get("configurations") or {}).items() if _is_applied(mark)
        ]
        if found:
            raise InvalidInputError(
                f"The device '{self._name}' gets its modules from the automatic deployment '{found[0]}', which would "
                "override this.",
                f"Attach it as a fleet instead: --condition \"deviceId='{self._name}'\".",
            )

    def _find(self, key: str) -> str | None:
        twin = self._hub.module_twin(self._name, AGENT)
        found = _with_key(_properties(twin, "desired"), key) if twin else None
        return found[0] if found else None

    def _twin(self, module: str) -> Mapping[str, Any]:
        found = self._hub.module_twin(self._name, module)
        if found is None:
            raise InvalidInputError(
                f"The device '{self._name}' is no IoT Edge device.",
                "Register it with: az iot hub device-identity create --edge-enabled",
            )
        return found

    def _manifest(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is desired of the two modules of the runtime, with the beginnings of what a new device lacks."""
        agent, hub = (_plain(_properties(self._twin(name), "desired")) for name in (AGENT, HUB))
        if not agent:
            agent = {
                **copy.deepcopy(_BEGINNING),
                "systemModules": _system_modules(self._target.settings.runtime_version),
            }
        return {"modules": {}, **agent}, hub or copy.deepcopy(_HUB_BEGINNING)

    def _enter(self, agent: dict[str, Any], hub: dict[str, Any], module: Module) -> None:
        agent["modules"] = {**agent["modules"], module.name: dict(module.entry)}
        if module.routes:
            hub["routes"] = {**(hub.get("routes") or {}), **module.routes}
        if module.registry:
            settings = agent.setdefault("runtime", {"type": "docker"}).setdefault("settings", {})
            settings["registryCredentials"] = {**(settings.get("registryCredentials") or {}), **module.registry}

    def _forget(self, agent: dict[str, Any], hub: dict[str, Any], name: str) -> None:
        """Take a module of ours out, with its routes and its credentials, and nothing else."""
        entry = agent["modules"].get(name) or {}
        agent["modules"] = {other: one for other, one in agent["modules"].items() if other != name}
        mine = own_name(str(owner(entry, SERVICE)))
        for route in [route for route in hub.get("routes") or () if route.startswith(f"{mine}-")]:
            del hub["routes"][route]
        settings = (agent.get("runtime") or {}).get("settings") or {}
        credentials = settings.get("registryCredentials") or {}
        if mine in credentials:
            del credentials[mine]
            if not credentials:
                del settings["registryCredentials"]

    def _set(self, agent: Mapping[str, Any], hub: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        whole = {AGENT: {"properties.desired": agent}, HUB: {"properties.desired": hub}}
        self._hub.apply(self._name, {**whole, **more})


_BEGINNING: dict[str, Any] = {
    "schemaVersion": "1.1",
    "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25", "loggingOptions": ""}},
}
_HUB_BEGINNING: dict[str, Any] = {
    "schemaVersion": "1.1",
    "routes": {},
    "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
}


def _system_modules(version: str) -> dict[str, Any]:
    return {
        "edgeAgent": {"type": "docker", "settings": {"image": f"{_IMAGES}-agent:{version}"}},
        "edgeHub": {
            "type": "docker",
            "status": "running",
            "restartPolicy": "always",
            "settings": {"image": f"{_IMAGES}-hub:{version}"},
        },
    }


def _properties(twin: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (twin.get("properties") or {}).get(part) or {}
    return found


def _plain(desired: Mapping[str, Any]) -> dict[str, Any]:
    """Return desired properties, to be changed, without what the hub says about them."""
    return {name: copy.deepcopy(value) for name, value in desired.items() if not name.startswith("$")}


def _with_key(desired: Mapping[str, Any], key: str) -> tuple[str, Mapping[str, Any]] | None:
    modules = desired.get("modules") or {}
    return next(((name, entry) for name, entry in modules.items() if owner(entry) == key), None)


def _is_applied(mark: Any) -> bool:
    return isinstance(mark, Mapping) and mark.get("status") == "Applied"
