"""The IoT hub of the Azure emulator: targets on it, and what a fleet's owner does with Microsoft's tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests

from aml_backends.iot_edge.signatures import signed
from aml_backends.iot_edge.target import IotEdgeTarget
from aml_plugins import Workspace
from aml_plugins.testing.azure_emulator import AzureEmulator

__all__ = ["ask", "attach", "base_deployment", "device_modules", "host_of"]

VERSION = "2021-04-12"
RUNTIME = {
    "schemaVersion": "1.1",
    "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
    "systemModules": {
        "edgeAgent": {"type": "docker", "settings": {"image": "mcr.microsoft.com/azureiotedge-agent:1.5"}},
        "edgeHub": {"type": "docker", "settings": {"image": "mcr.microsoft.com/azureiotedge-hub:1.5"}},
    },
    "modules": {},
}
ROUTES = {"schemaVersion": "1.1", "routes": {}, "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}


def host_of(emulator: AzureEmulator) -> str:
    """Return the hub's host name, with its port."""
    return emulator.https_url.removeprefix("https://")


def attach(workspace: Workspace, emulator: AzureEmulator, name: str, **settings: Any) -> IotEdgeTarget:
    """Attach a device or a fleet; the hub's key is in HUB_KEY."""
    given = {"hub": host_of(emulator), "policy": "service", "key": "secret://env/HUB_KEY", **settings}
    workspace.attach_compute("iot-edge", name, **given)
    backend = workspace.context.backends.get(workspace.name, name)
    assert isinstance(backend, IotEdgeTarget)
    return backend


def ask(emulator: AzureEmulator, verb: str, path: str, body: Any = None) -> Any:
    """Send the hub a request of its owner; return what it answers."""
    import base64
    import time

    host = host_of(emulator)
    token = signed(host, "iothubowner", base64.b64decode(emulator.settings.key), int(time.time()) + 60)
    answer = requests.request(
        verb, f"https://{host}{path}", params={"api-version": VERSION}, json=body, verify=str(emulator.certificate),
        headers={"Authorization": token, **({"If-Match": "*"} if verb == "DELETE" else {})}, timeout=60,
    )  # fmt: skip
    assert answer.ok, answer.text
    return json.loads(answer.text) if answer.text else None


def base_deployment(emulator: AzureEmulator, name: str, condition: str) -> None:
    """Give the devices of a fleet the runtime, as their owner would."""
    content = {"$edgeAgent": {"properties.desired": RUNTIME}, "$edgeHub": {"properties.desired": ROUTES}}
    body = {"id": name, "content": {"modulesContent": content}, "targetCondition": condition, "priority": 1}
    ask(emulator, "PUT", f"/configurations/{name}", body)


def device_modules(emulator: AzureEmulator, device: str, part: str = "desired") -> Mapping[str, Any]:
    """Return the modules that are desired of a device, or reported by it."""
    twin = ask(emulator, "GET", f"/twins/{device}/modules/$edgeAgent")
    found: Mapping[str, Any] = twin["properties"][part].get("modules") or {}
    return found
