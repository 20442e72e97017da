"""What services of this machine share: the front, the keys, the directory."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonObject
from aml_plugins.services.captured import collect
from aml_plugins.services.contract import (
    CapturingConfig,
    Route,
    Routing,
    ServiceBackend,
    ServiceConfig,
    ServiceKeys,
)
from aml_plugins.services.loopback.probing import read_probe
from aml_plugins.services.loopback.programs import Program
from aml_plugins.store.records import ServiceRecord

__all__ = ["LoopbackConfig", "LoopbackService", "read_ports"]


_ID = re.compile(r"[0-9a-f]{1,64}")
_KEY = re.compile(r"[0-9a-f]{1,64}-[0-9]{1,10}")


class LoopbackConfig(CapturingConfig):
    """Settings of a service of this machine."""

    port: int = Field(0, ge=0, le=65535, description="The port on 127.0.0.1; 0 takes a free one and keeps it.")


class LoopbackService(ServiceBackend):
    """Routes requests through a front that no update touches."""

    config_model: ClassVar[type[ServiceConfig]] = LoopbackConfig
    is_local: ClassVar[bool] = True

    @abstractmethod
    def port_of(self, handle: JsonObject) -> int | None:
        """Return the port of a deployment, None while it has none."""

    @abstractmethod
    def health_port_of(self, handle: JsonObject) -> int | None:
        """Return the port where a deployment answers probes, None while it has none."""

    def address(self, service: ServiceRecord) -> str | None:
        """Return where the front listens, from its own file: what the row says is what somebody wrote."""
        port = _read(self.directory(service.service_id) / "front.json").get("port")
        return f"http://127.0.0.1:{port}" if isinstance(port, int) and port > 0 else None

    def metrics(self, handle: JsonObject) -> str | None:
        """Return what the deployment's scoring server counted."""
        port = self.health_port_of(handle)
        return None if port is None else read_probe(port, "/metrics")

    def route(self, service: ServiceRecord, routes: Sequence[Route]) -> Routing:
        directory = self.directory(service.service_id)
        collect(self.context, service, directory)
        wanted = [
            {"key": route.handle["key"], "port": self.port_of(route.handle), "weight": route.weight} for route in routes
        ]
        wanted = [route for route in wanted if route["port"] is not None]
        version = self._write_routes(directory, wanted)
        self._keep_front(service, directory)
        told = _read(directory / "front.json")
        settled = told.get("version") == version and self._front(directory).is_alive
        busy = set(told.get("busy") or ())
        # One that was ended and not yet written off has no port: no request is in it either.
        idle = frozenset(str(route.handle["key"]) for route in routes if route.weight == 0) - busy
        return Routing(
            endpoint=f"http://127.0.0.1:{told.get('port', 0)}",
            is_settled=settled,
            idle=idle if settled else frozenset(),
        )

    def delete_service(self, service: ServiceRecord) -> None:
        directory = self.directory(service.service_id)
        self._front(directory).stop(grace=2.0)
        collect(self.context, service, directory, is_last=True)
        shutil.rmtree(directory, ignore_errors=True)

    def keys(self, service: ServiceRecord, *, regenerate: str | None = None) -> ServiceKeys:
        path = self.keys_file(service.service_id)
        with suppress(OSError, ValueError):
            primary, secondary = path.read_text().split()
            if regenerate is None:
                return ServiceKeys(primary, secondary)
            fresh = secrets.token_urlsafe(32)
            made = ServiceKeys(fresh, secondary) if regenerate == "primary" else ServiceKeys(primary, fresh)
            return _write_keys(path, made)
        return _write_keys(path, ServiceKeys(secrets.token_urlsafe(32), secrets.token_urlsafe(32)))

    def directory(self, service_id: str) -> Path:
        """Return where the service's files are.

        :raises InvalidInputError: for what is no id: rows come over the network, and paths are made of this.
        """
        if not _ID.fullmatch(service_id):
            raise InvalidInputError("The service's id is none of ours.", "Delete the service's row and deploy it anew.")
        return self.context.home / "services" / service_id

    def place(self, handle: JsonObject) -> Path:
        """Return the directory of a deployment.

        :raises InvalidInputError: for a handle that is none of ours.
        """
        key = str(handle["key"])
        if not _KEY.fullmatch(key):
            raise InvalidInputError(
                "The deployment's key is none of ours.", "Delete the service's row and deploy anew."
            )
        return self.directory(str(handle["service_id"])) / key

    def keys_file(self, service_id: str) -> Path:
        """Return the file of the keys; its directory can be given to a container."""
        return self.directory(service_id) / "keys" / "keys"

    def _write_routes(self, directory: Path, wanted: list[dict[str, Any]]) -> int:
        """Write the routes where they are news; return their version."""
        path = directory / "routes.json"
        known = _read(path)
        if known.get("routes") == wanted:
            return int(known["version"])
        version = int(known.get("version", 0)) + 1
        directory.mkdir(parents=True, exist_ok=True)
        partial = directory / "routes.partial"
        partial.write_text(json.dumps({"version": version, "routes": wanted}))
        partial.replace(path)
        return version

    def _keep_front(self, service: ServiceRecord, directory: Path) -> None:
        front = self._front(directory)
        if front.is_alive:
            return
        config = service.desired.get("config")
        asked = config.get("port", 0) if isinstance(config, dict) else 0
        port = asked or _read(directory / "front.json").get("port", 0)
        command = [sys.executable, "-m", "aml_plugins.scoring.front", str(directory), str(port)]
        front.start(command, os.environ, directory)

    def _front(self, directory: Path) -> Program:
        return Program(directory / "front")


def read_ports(path: Path) -> dict[str, int]:
    """Return the ports that a scoring server wrote down; none while it has not."""
    return {name: int(port) for name, port in _read(path).items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _write_keys(path: Path, made: ServiceKeys) -> ServiceKeys:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    path.parents[1].chmod(0o700)  # containers read the file as another user; nobody else gets this far
    partial.write_text(f"{made.primary}\n{made.secondary}\n")
    partial.replace(path)
    return made
