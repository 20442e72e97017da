"""Modules of a fleet: a layered deployment for each version. Of two, the one created last applies.

When it is deleted, devices go back to the one before by themselves.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aml_backends.iot_edge.manifest import AGENT, HUB, Module
from aml_backends.iot_edge.places import log_of, says_ready
from aml_backends.iot_edge.queries import agents_with, running
from aml_backends.iot_edge.states import Sight, pending, seconds_since, sight_of
from aml_plugins.services.contract import DeploymentState, DeploymentStatus

if TYPE_CHECKING:
    from aml_backends.iot_edge.target import IotEdgeTarget
    from aml_plugins.store.records import ServiceRecord

__all__ = ["Fleet", "Seen"]

_TAIL_LINES = 15
_NAMED = 5
"""So many devices are named in a reason."""
_ASKED = 5
"""So many devices are asked for their logs: a direct method each."""
_DESIRED = "properties.desired"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a deployment, and when by this process's clock."""

    status: DeploymentStatus
    when: float


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    is_connected: bool
    sight: Sight
    is_settled: bool
    service: str
    """The id of the service that shall have the module there: another's deployment may have a higher priority."""


class Fleet:
    """The devices that fulfil a condition, now and later."""

    def __init__(self, target: IotEdgeTarget) -> None:
        self._target = target
        self._hub = target.hub

    def put(self, key: str, module: Module, service: ServiceRecord) -> None:
        settings = self._target.settings
        labels = {"aml-service": service.service_id, "aml-service-name": service.name[:100], "aml-module": module.name}
        body = {
            "id": _name(key),
            "schemaVersion": "1.0",
            "labels": labels,
            "content": {"modulesContent": _content(module)},
            "targetCondition": settings.condition,
            "priority": settings.priority,
            "metrics": {"queries": {"running": running(key, module.name)}},
        }
        self._hub.put_configuration(_name(key), body)

    def has(self, key: str) -> bool:
        return self._hub.get_configuration(_name(key)) is not None

    def status(self, key: str) -> DeploymentStatus:
        """Look, or say what was seen a moment ago: a hub answers few queries a minute."""
        known = self._target.seen.get(key)
        if known is not None and time.monotonic() - known.when < self._target.settings.look_seconds:
            return known.status
        status = self._status(key)
        self._target.seen[key] = Seen(status, time.monotonic())
        return status

    def remove(self, key: str, instead: tuple[str, Module, ServiceRecord] | None) -> None:
        del instead  # the deployment before is still there, and applies again
        self._target.seen.pop(key, None)
        self._hub.delete_configuration(_name(key))

    def log(self, key: str, lines: int) -> str:
        """Return the log of one device: one that has trouble, if any."""
        found = self._hub.get_configuration(_name(key))
        if found is None:
            return ""
        devices = sorted(self._devices(key, _module_of(found)), key=lambda one: one.sight.is_running)
        for one in devices:
            text = log_of(self._hub, one.name, _module_of(found), lines=lines) if one.is_connected else None
            if text:
                return text
        return ""

    def clear(self, service_id: str) -> None:
        """There is nothing but the deployments of versions, which are known by their keys."""
        del service_id

    def _status(self, key: str) -> DeploymentStatus:
        found = self._hub.get_configuration(_name(key))
        if found is None:
            return DeploymentStatus(
                state=DeploymentState.FAILED, reason=f"The hub has no deployment '{_name(key)}' any more."
            )
        targeted = len(self._hub.query(found["systemMetrics"]["queries"]["targetedCount"]))
        if not targeted:
            return pending(f"No device of the hub fulfils {self._target.settings.condition}.")
        module = _module_of(found)
        applied = self._devices(key, module)
        devices = [one for one in applied if one.service in {"", found["labels"]["aml-service"]}]
        targeted -= len(applied) - len(devices)
        if not targeted:
            return pending(f"Deployments of a higher priority have the module '{module}' on every device.")
        up = [one for one in devices if one.sight.is_running and one.is_settled]
        failed = [one for one in devices if one.sight.status.state is DeploymentState.FAILED]
        needed = math.ceil(self._target.settings.quorum * targeted)
        if len(up) >= needed:
            loading = self._loading(module, up)
            return pending(f"{loading} is loading.") if loading else DeploymentStatus(state=DeploymentState.READY)
        counts = f"{len(up)} of {targeted} devices run it."
        if targeted - len(failed) < needed:
            return self._failed(module, counts, failed)
        return pending(" ".join([counts, *_waiting(devices, targeted)]))

    def _devices(self, key: str, module: str) -> Sequence[_Device]:
        rows = self._hub.query(agents_with(_name(key), module))
        return [self._device(row, key) for row in rows]

    def _device(self, row: Mapping[str, Any], key: str) -> _Device:
        sight = sight_of(row.get("module"), row.get("status") or {}, key)
        is_settled = seconds_since(sight.started) >= self._target.settings.settle_seconds
        is_connected = row.get("connectionState") == "Connected"
        return _Device(str(row["deviceId"]), is_connected, sight, is_settled, str(row.get("service") or ""))

    def _loading(self, module: str, running: Sequence[_Device]) -> str | None:
        """Return one of the first devices whose log does not say that it is ready; not all of a fleet are asked."""
        asked = [one for one in running if one.is_connected][:_ASKED]
        for one in asked:
            if not says_ready(self._hub, one.name, module, one.sight.started):
                return one.name
        return None

    def _failed(self, module: str, counts: str, failed: Sequence[_Device]) -> DeploymentStatus:
        names = ", ".join(one.name for one in failed[:_NAMED])
        words = f"{counts} It failed on {len(failed)}: {names}. {failed[0].sight.status.reason}"
        tail = log_of(self._hub, failed[0].name, module, lines=_TAIL_LINES)
        if tail:
            words += f" The last lines of {failed[0].name}:\n{tail}"
        return DeploymentStatus(state=DeploymentState.FAILED, reason=words)


def _name(key: str) -> str:
    return f"aml-{key}"


def _module_of(configuration: Mapping[str, Any]) -> str:
    return str(configuration["labels"]["aml-module"])


def _content(module: Module) -> dict[str, Any]:
    """A layer: only what is ours, so that it changes nothing else of the base deployment."""
    agent: dict[str, Any] = {f"{_DESIRED}.modules.{module.name}": module.entry}
    for name, credential in module.registry.items():
        agent[f"{_DESIRED}.runtime.settings.registryCredentials.{name}"] = credential
    routes = {f"{_DESIRED}.routes.{name}": route for name, route in module.routes.items()}
    found: dict[str, Any] = {AGENT: agent}
    if routes:
        found[HUB] = routes
    if module.twin:
        found[module.name] = {_DESIRED: dict(module.twin)}
    return found


def _waiting(devices: Sequence[_Device], targeted: int) -> list[str]:
    """Say what those are like that do not run it."""
    late = [one for one in devices if not one.sight.is_running]
    away = ", ".join(one.name for one in late if not one.is_connected)
    said = [f"Not connected: {away}."] if away else []
    said += [f"{one.name}: {one.sight.status.reason}" for one in late if one.is_connected][:_NAMED]
    if len(devices) < targeted:
        said.append(
            f"To {targeted - len(devices)} it is not applied: a layered deployment needs a base deployment of a lower "
            "priority there, and no other of a higher one."
        )
    return said
