"""A module of a device: a container of this machine's engine, made as the deployment manifest says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.arm.containers import GroupContainer
from aml_plugins.testing.azure_emulator.arm.surroundings import Surroundings
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.iot_hub.twins import NEVER

__all__ = ["Module"]

_CHUNKS = 8
_NEVER_STARTED = 128
"""The exit code by which the container says that the engine did not take it."""


class Module:
    """One module, as long as its entry in the manifest is the same.

    :param name: its container's.
    :param entry: its part of ``$edgeAgent``'s desired properties.
    :param registries: ``registryCredentials`` of the manifest.
    :param address: of the device, on which ports are published.
    """

    def __init__(
        self, clock: Engine, name: str, entry: Mapping[str, Any], registries: Mapping[str, Any], address: str
    ) -> None:
        self.entry = dict(entry)
        options = _create_options(entry["settings"])
        policy = {"always": "Always", "on-failure": "OnFailure"}.get(str(entry.get("restartPolicy")), "Never")
        self._container = GroupContainer(
            clock, name, _spec(entry, options), policy, _Place(options, registries, address)
        )

    def start(self) -> None:
        """Begin: it is pulled, made and run."""
        self._container.start()

    def end(self, then: Callable[[], None]) -> None:
        """Stop it and delete its container."""
        self._container.remove(then)

    def logs(self) -> str:
        """Return all that it wrote."""
        return self._container.logs(None)

    @property
    def trouble(self) -> str | None:
        """Why its container cannot be made, None where it can."""
        ended = self._last()
        if ended.get("exitCode") != _NEVER_STARTED:
            return None
        warnings = [event["message"] for event in self._container.events if event["type"] == "Warning"]
        return str(warnings[-1]) if warnings else None

    def report(self) -> dict[str, Any]:
        """Return its part of ``$edgeAgent``'s reported properties."""
        current, ended = self._container.current, self._last()
        status = _STATUS.get(str(current["state"]), "unknown")
        if status == "backoff" and not self._container.restarts:
            status = "unknown"
        return {
            **self.entry,
            "runtimeStatus": status,
            "statusDescription": status,
            "exitCode": ended.get("exitCode", 0) if status != "running" else 0,
            "restartCount": self._container.restarts,
            "lastStartTimeUtc": current.get("startTime") or ended.get("startTime") or NEVER,
            "lastExitTimeUtc": ended.get("finishTime") or NEVER,
            "lastRestartTimeUtc": current.get("startTime", NEVER) if self._container.restarts else NEVER,
        }

    def _last(self) -> Mapping[str, Any]:
        """Return how it ended last, nothing where it never did."""
        if self._container.is_terminated:
            return self._container.current
        return self._container.previous or {}


_STATUS = {"Running": "running", "Waiting": "backoff", "Terminated": "failed"}


class _Place(Surroundings):
    """The device around a module: ports on its address, its directories, credentials of the manifest."""

    def __init__(self, options: Mapping[str, Any], registries: Mapping[str, Any], address: str) -> None:
        credentials = [
            {"server": one["address"], "username": one["username"], "password": one["password"]}
            for one in registries.values()
        ]
        super().__init__({"imageRegistryCredentials": credentials})
        self._host = options.get("HostConfig") or {}
        self._address = address

    @property
    def network(self) -> str:
        return str(self._host.get("NetworkMode") or "bridge")

    def mounts(self, container: Mapping[str, Any]) -> list[str]:
        del container
        found = [part for bind in self._host.get("Binds") or () for part in ("--volume", str(bind))]
        for inner, places in (self._host.get("PortBindings") or {}).items() if self.network == "bridge" else ():
            for place in places:
                published = f"{place.get('HostIp') or self._address}:{place['HostPort']}:{inner}"
                found += ["--publish", published]
        return found


def _create_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put the pieces of the create options together again."""
    names = ["createOptions", *(f"createOptions{number:02d}" for number in range(1, _CHUNKS))]
    text = "".join(str(settings.get(name) or "") for name in names)
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def _spec(entry: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    memory = (options.get("HostConfig") or {}).get("Memory")
    variables = [{"name": name, "value": one["value"]} for name, one in (entry.get("env") or {}).items()]
    variables += [dict(zip(("name", "value"), one.split("=", 1), strict=True)) for one in options.get("Env") or ()]
    return {
        "image": entry["settings"]["image"],
        "command": [*(options.get("Entrypoint") or ()), *(options.get("Cmd") or ())],
        "environmentVariables": variables,
        "resources": {"requests": {"memoryInGB": memory / (1 << 30)} if memory else {}},
    }
