"""What the service refuses to create a container group for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aml_plugins.testing.azure_emulator.arm.container_group import Group, cores_of
from aml_plugins.testing.azure_emulator.arm.errors import ArmProblem
from aml_plugins.testing.azure_emulator.exchange import Request
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["check_group"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MOST_CONTAINERS = 60


def check_group(request: Request, settings: Settings, others: Sequence[Group]) -> None:
    """Refuse a group that cannot be.

    :param others: the groups that the subscription has besides.
    :raises ArmProblem: in the service's words.
    """
    name, asked = request["containerGroupName"], request.body["properties"]
    if not _NAME.fullmatch(name):
        raise ArmProblem(
            400, "InvalidContainerGroupName", f"The container group name '{name}' is invalid: use a-z, 0-9 and '-'."
        )
    if not 0 < len(asked["containers"]) <= _MOST_CONTAINERS:
        raise ArmProblem(400, "InvalidContainerGroup", "A container group has 1 to 60 containers.")
    if not asked.get("osType"):
        raise ArmProblem(400, "OsTypeNotSpecified", "The 'osType' of the container group is not specified.")
    if asked.get("ipAddress") and len(asked["containers"]) > 1:
        raise ArmProblem(400, "NotSupportedByEmulator", "The emulator gives addresses to groups of one container.")
    _check_images(name, asked, settings.images)
    quotas = settings.quotas
    _check_quota(settings.region, "ContainerGroups", len(others), 1, quotas.container_groups)
    used = sum(group.cores for group in others)
    _check_quota(settings.region, "StandardCores", used, cores_of(asked), quotas.container_cores)


def _check_images(name: str, asked: Mapping[str, Any], known: Collection[str] | None) -> None:
    """Azure looks at every image before it creates anything."""
    for container in (*(asked.get("initContainers") or ()), *asked["containers"]):
        image = str(container["properties"].get("image") or "")
        if known is not None and image not in known:
            raise ArmProblem(
                400,
                "InaccessibleImage",
                f"The image '{image}' in container group '{name}' is not accessible. Please check the image and "
                "registry credential.",
            )


def _check_quota(region: str, what: str, used: float, wanted: float, limit: float) -> None:
    if used + wanted > limit:
        raise ArmProblem(
            400,
            "ContainerGroupQuotaReached",
            f"Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota '{what}' exceeded "
            f"in region '{region}'. Limit: '{limit:g}', Usage: '{used:g}' Requested: '{wanted:g}'.",
        )
