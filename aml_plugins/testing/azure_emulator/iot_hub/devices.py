"""An IoT Edge device: an agent that takes up what is desired, runs it, and reports how it goes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.iot_hub.modules import Module
from aml_plugins.testing.azure_emulator.iot_hub.twins import Twin

__all__ = ["AGENT", "HUB", "EdgeDevice"]

AGENT, HUB = "$edgeAgent", "$edgeHub"
_NO_DEPLOYMENT = {"code": 417, "description": "The device's deployment configuration is not set"}
_OLD_SCHEMA = {"code": 412, "description": "Schema version of the deployment is not supported"}


class EdgeDevice:
    """One device. Its methods are called under the engine's lock.

    :param address: its own, of this machine's loopback network.
    """

    def __init__(self, clock: Engine, name: str, address: str, delay: float) -> None:
        self.name = name
        self.address = address
        self.twin = Twin(name)
        self.modules = {one: Twin(name, one) for one in (AGENT, HUB)}
        self.is_connected = True
        self.is_registered = True
        self._clock = clock
        self._delay = delay
        self._running: dict[str, Module] = {}
        self._leaving: dict[str, Module] = {}
        self._taken = 0
        self._status: dict[str, Any] = {}

    @property
    def agent(self) -> Twin:
        """The twin of ``$edgeAgent``."""
        return self.modules[AGENT]

    def facts(self, module: str | None = None) -> dict[str, Any]:
        """Return what the hub knows of the device besides its twin."""
        del module
        return {
            "status": "enabled",
            "connectionState": "Connected" if self.is_connected else "Disconnected",
            "authenticationType": "sas",
            "capabilities": {"iotEdge": True},
        }

    def wake(self) -> None:
        """Have the agent look at what is desired, a moment later."""
        self._clock.after(self._delay, self.look)

    def connect(self, is_connected: bool) -> None:  # noqa: FBT001  its one argument
        """Let the network come or go; modules run on."""
        if not is_connected:
            self.report()
        self.is_connected = is_connected
        self.wake()

    def look(self) -> None:
        """Take up what is desired."""
        if not self.is_connected or not self.is_registered:
            return
        desired, version = self.agent.desired, self.agent.desired_version
        if not desired or version == self._taken:
            return
        self._taken = version
        if not str(desired.get("schemaVersion", "")).startswith("1."):
            self._status = _OLD_SCHEMA
            return
        self._status = {"code": 200, "description": ""}
        wanted = desired.get("modules") or {}
        settings = (desired.get("runtime") or {}).get("settings") or {}
        for name in [name for name in self._running if name not in wanted]:
            self._end(name)
        for name, entry in wanted.items():
            known = self._running.get(name)
            if known is None or known.entry != entry:
                self._start(name, entry, settings.get("registryCredentials") or {}, known)

    def report(self) -> None:
        """Write down how everything is, if the hub can be reached."""
        if not self.is_connected or not self._taken:
            return
        troubles = [f"{name}: {module.trouble}" for name, module in self._running.items() if module.trouble]
        status = {"code": 500, "description": " ".join(troubles)} if troubles else self._status
        self.agent.report(
            {
                "schemaVersion": "1.1",
                "version": {"version": "1.5.0"},
                "runtime": {"platform": {"os": "linux", "architecture": "x86_64"}, "type": "docker"},
                "lastDesiredVersion": self._taken,
                "lastDesiredStatus": status,
                "systemModules": {},
                "modules": {name: one.report() for name, one in (self._leaving | self._running).items()},
            }
        )

    def call(self, method: str, payload: Any) -> tuple[int, Any]:
        """Answer a direct method of the agent."""
        if method != "GetModuleLogs":
            return 400, {"message": f"Unknown command {method}"}
        if not isinstance(payload, Mapping) or not str(payload.get("schemaVersion", "")).startswith("1."):
            return 400, {"message": "schemaVersion is missing"}
        if payload.get("encoding", "none") != "none" or payload.get("contentType", "text") != "text":
            return 400, {"message": "The emulator writes plain text only"}
        found = []
        for item in payload.get("items") or ():
            names = [name for name in sorted(self._running) if re.search(str(item["id"]), name)]
            found += [{"id": name, "payload": self._log(name, item.get("filter") or {})} for name in names]
        return 200, found

    def stop(self) -> None:
        """End all modules."""
        self.is_registered = False
        for name in list(self._running):
            self._running.pop(name).end(lambda: None)

    def _end(self, name: str) -> None:
        """Take a module away; it is reported until its container is gone."""
        module = self._leaving[name] = self._running.pop(name)

        def gone() -> None:
            with self._clock.lock:
                if self._leaving.get(name) is module:
                    del self._leaving[name]

        module.end(gone)

    def _start(self, name: str, entry: Mapping[str, Any], registries: Mapping[str, Any], old: Module | None) -> None:
        """Start a module; what it replaces ends first, for they share ports."""
        made = Module(self._clock, f"edge-{self.name}-{name}", entry, registries, self.address)
        self._running[name] = made
        begin: Callable[[], None] = lambda: self._begin(name, made)  # noqa: E731  typed
        begin() if old is None else old.end(begin)

    def _begin(self, name: str, module: Module) -> None:
        with self._clock.lock:
            if self._running.get(name) is module:
                module.start()

    def _log(self, name: str, wanted: Mapping[str, Any]) -> str:
        lines = self._running[name].logs().splitlines(keepends=True)
        if wanted.get("tail"):
            lines = lines[-int(wanted["tail"]) :]
        if wanted.get("regex"):
            lines = [line for line in lines if re.search(str(wanted["regex"]), line)]
        return json.loads(json.dumps("".join(lines)))  # type: ignore[no-any-return]  # as it comes over the wire
