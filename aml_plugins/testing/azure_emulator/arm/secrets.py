"""What a container group keeps to itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["hide_secrets"]


def hide_secrets(properties: dict[str, Any]) -> None:
    """Take out of a group's properties what the service never tells again."""
    for owner, name in _secrets(properties):
        owner.pop(name, None)
    for volume in properties.get("volumes") or ():
        if "secret" in volume:
            volume["secret"] = {}


def _secrets(properties: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for credential in properties.get("imageRegistryCredentials") or ():
        yield credential, "password"
    for volume in properties.get("volumes") or ():
        yield volume.get("azureFile") or {}, "storageAccountKey"
    yield (properties.get("diagnostics") or {}).get("logAnalytics") or {}, "workspaceKey"
    for container in (*properties["containers"], *(properties.get("initContainers") or ())):
        for variable in container["properties"].get("environmentVariables") or ():
            yield variable, "secureValue"
