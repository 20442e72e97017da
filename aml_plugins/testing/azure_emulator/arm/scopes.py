"""Subscriptions and resource groups: all that anybody names, or those that the settings name."""

from __future__ import annotations

from typing import Any

from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["Scopes"]

_GROUP_PATH = 4


class Scopes:
    """What contains all resources. Names are compared as the resource manager does, whatever their case."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._subscriptions = (
            None if settings.subscriptions is None else {one.lower() for one in settings.subscriptions}
        )
        groups = settings.resource_groups
        self._groups = None if groups is None else {one.lower(): settings.region for one in groups}

    def check(self, request: Request) -> None:
        """Refuse what lies where nothing is.

        :raises ArmProblem: 404, ``SubscriptionNotFound`` or ``ResourceGroupNotFound``.
        """
        parts = request.path.strip("/").split("/")
        lowered = [part.lower() for part in parts]
        if lowered[0] != "subscriptions" or len(parts) == 1:
            return
        if self._subscriptions is not None and lowered[1] not in self._subscriptions:
            raise ArmProblem(404, "SubscriptionNotFound", f"The subscription '{parts[1]}' could not be found.")
        is_created = request.verb == "PUT" and len(parts) == _GROUP_PATH
        if len(parts) >= _GROUP_PATH and lowered[2] == "resourcegroups" and not is_created:
            self._check_group(parts[3])

    def group(self, request: Request) -> Answer:
        """Answer a request for a resource group itself."""
        parts = request.path.strip("/").split("/")
        if request.verb == "DELETE":
            if self._groups is not None:
                self._groups.pop(parts[3].lower(), None)
            return Answer(200)
        if request.verb == "HEAD":
            return Answer(204)
        location = (request.body or {}).get("location") or self._settings.region
        is_new = request.verb == "PUT"
        if self._groups is not None and is_new:
            is_new = parts[3].lower() not in self._groups
            self._groups[parts[3].lower()] = location
        facts: dict[str, Any] = {
            "id": "/" + "/".join(parts), "name": parts[3], "type": "Microsoft.Resources/resourceGroups",
            "location": location, "properties": {"provisioningState": "Succeeded"},
        }  # fmt: skip
        return Answer(201 if is_new else 200, facts)

    def _check_group(self, name: str) -> None:
        if self._groups is not None and name.lower() not in self._groups:
            raise ArmProblem(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
