"""Twins: what is desired and what was reported, each with a version that counts the changes."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.batch.text import iso

__all__ = ["NEVER", "Twin", "merged"]

NEVER = "0001-01-01T00:00:00Z"


class Twin:
    """A device's or a module's.

    :param module: None for the device's own.
    """

    def __init__(self, device: str, module: str | None = None) -> None:
        self.device = device
        self.module = module
        self.tags: dict[str, Any] = {}
        self.desired: dict[str, Any] = {}
        self.reported: dict[str, Any] = {}
        self.desired_version = self.reported_version = self.version = 1
        self.configurations: dict[str, Any] = {}
        self.etag = _etag()

    def desire(self, wanted: dict[str, Any]) -> bool:
        """Replace what is desired; say whether that is a change."""
        if wanted == self.desired:
            return False
        self.desired = copy.deepcopy(wanted)
        self.desired_version += 1
        self._changed()
        return True

    def report(self, seen: dict[str, Any]) -> None:
        """Replace what was reported."""
        if seen != self.reported:
            self.reported = copy.deepcopy(seen)
            self.reported_version += 1
            self.version += 1

    def patch(self, body: Mapping[str, Any]) -> None:
        """Merge tags and desired properties: null takes away."""
        self.tags = merged(self.tags, body.get("tags") or {})
        self.desire(merged(self.desired, (body.get("properties") or {}).get("desired") or {}))
        self._changed()

    def shown(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return it as the API does.

        :param facts: of its device: status, connection, capabilities.
        """
        found: dict[str, Any] = {"deviceId": self.device, "etag": self.etag, "version": self.version, **facts}
        if self.module is None:
            found["tags"] = copy.deepcopy(self.tags)
        else:
            found["moduleId"] = self.module
        found["properties"] = {
            "desired": {**copy.deepcopy(self.desired), "$metadata": _metadata(), "$version": self.desired_version},
            "reported": {**copy.deepcopy(self.reported), "$metadata": _metadata(), "$version": self.reported_version},
        }
        return found

    def _changed(self) -> None:
        self.version += 1
        self.etag = _etag()


def merged(known: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties after a partial update."""
    found = dict(known)
    for name, value in change.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(found.get(name), Mapping):
            found[name] = merged(found[name], value)
        else:
            found[name] = copy.deepcopy(value)
    return found


def _metadata() -> dict[str, Any]:
    return {"$lastUpdated": iso()}


def _etag() -> str:
    return uuid.uuid4().hex[:16]
