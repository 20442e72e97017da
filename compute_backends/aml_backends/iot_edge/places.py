"""Where modules live: what one device and a fleet have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from aml_backends.iot_edge.manifest import AGENT
from aml_backends.iot_edge.states import seconds_since

if TYPE_CHECKING:
    from aml_backends.iot_edge.api import HubApi
    from aml_backends.iot_edge.manifest import Module
    from aml_plugins.services.contract import DeploymentStatus
    from aml_plugins.store.records import ServiceRecord

__all__ = ["Place", "log_of", "says_ready"]

_READY_LINE = r"Worker with pid \d+ ready for serving traffic"
"""What the scoring server writes once ``init()`` has returned."""
_TRUSTED_SECONDS = 600.0
"""What has run so long is not asked any more whether it is ready: its log may have been rotated."""


class Place(Protocol):
    """A device, or a fleet. A version is known by its key; each method may be called twice."""

    def put(self, key: str, module: Module, service: ServiceRecord) -> None:
        """Have the version's module made; what the service had before is replaced."""
        ...

    def has(self, key: str) -> bool:
        """Say whether a version is there."""
        ...

    def status(self, key: str) -> DeploymentStatus:
        """Look once."""
        ...

    def remove(self, key: str, instead: tuple[str, Module, ServiceRecord] | None) -> None:
        """Take a version away, if it is there.

        :param instead: the version that is to be there again, where its place was taken.
        """
        ...

    def log(self, key: str, lines: int) -> str:
        """Return the last lines of a version's module."""
        ...

    def clear(self, service_id: str) -> None:
        """Take away whatever is left of a service."""
        ...


def says_ready(hub: HubApi, device: str, module: str, started: str) -> bool:
    """Say whether a module that runs is ready, by its log.

    :param started: when, as the device reported it.
    """
    if seconds_since(started) > _TRUSTED_SECONDS:
        return True
    return bool(log_of(hub, device, module, matching=_READY_LINE))


def log_of(
    hub: HubApi, device: str, module: str, *, lines: int | None = None, matching: str | None = None
) -> str | None:
    """Return the log of a device's module, None where the device is not connected.

    Source: learn.microsoft.com/azure/iot-edge/how-to-retrieve-iot-edge-logs. Of the two filters the device applies
    ``tail`` first. An answer has 128 KiB at most.

    :param matching: a regular expression; only lines that it is found in.
    """
    wanted: dict[str, object] = {}
    if lines is not None:
        wanted["tail"] = lines
    if matching is not None:
        wanted["regex"] = matching
    payload = {
        "schemaVersion": "1.0",
        "items": [{"id": f"^{module}$", "filter": wanted}],
        "encoding": "none",
        "contentType": "text",
    }
    found = hub.call(device, AGENT, "GetModuleLogs", payload)
    if found is None:
        return None
    parts = json.loads(found) if isinstance(found, str) else found
    text = "".join(str(part.get("payload") or "") for part in parts)
    return "\n".join(text.splitlines()[-lines:]) if lines is not None else text
