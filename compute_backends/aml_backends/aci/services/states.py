"""From what Azure says of a version's container group to the words of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aml_plugins.services.contract import DeploymentState, DeploymentStatus

__all__ = ["address_of", "has_last_words", "is_over", "is_running", "is_trying", "status_of"]

_BOOT_FAILED = 3
"""The scoring server's exit code where the script cannot be loaded or initialized: trying again does not help."""
_RESTARTS = 4
_SPEAKS = 10
"""So often a container may end before it counts as failed without its last words."""
_OVER = frozenset({"Failed", "Stopped", "Succeeded"})


def status_of(group: Mapping[str, Any]) -> DeploymentStatus:
    """Return how a group is; PENDING without a reason where its container runs, and must be asked itself."""
    if is_over(group):
        words = _trouble(group) or "Its container group ended."
        return DeploymentStatus(state=DeploymentState.FAILED, reason=words)
    view = _view(group)
    current, previous = view.get("currentState") or {}, view.get("previousState") or {}
    restarts = _ends(group)
    ended = current if current.get("state") == "Terminated" else previous
    code = ended.get("exitCode")
    if code is not None and (code == _BOOT_FAILED or restarts >= _RESTARTS):
        words = _trouble(group) or f"Its container ended with exit code {code}."
        return DeploymentStatus(state=DeploymentState.FAILED, reason=words)
    if is_running(group) and address_of(group):
        return DeploymentStatus(state=DeploymentState.PENDING)
    return DeploymentStatus(state=DeploymentState.PENDING, reason=_trouble(group) or "Its container is being started.")


def is_over(group: Mapping[str, Any]) -> bool:
    """Say whether Azure has given up on a group, or somebody stopped it."""
    properties = group["properties"]
    state = (properties.get("instanceView") or {}).get("state")
    return properties.get("provisioningState") == "Failed" or state in _OVER


def is_trying(group: Mapping[str, Any]) -> bool:
    """Say whether Azure starts the container again and again: its last words are gone for a moment, and come again."""
    return not is_over(group) and _ends(group) < _SPEAKS


def has_last_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether a log that was read in between is that of a container's end, and not of its next start."""
    return _ends(before) == _ends(after) and not is_running(before) and not is_running(after)


def address_of(group: Mapping[str, Any]) -> str | None:
    """Return a group's address, None while it has none."""
    found = (group["properties"].get("ipAddress") or {}).get("ip")
    return str(found) if found else None


def is_running(group: Mapping[str, Any]) -> bool:
    """Say whether the container runs now."""
    return not is_over(group) and (_view(group).get("currentState") or {}).get("state") == "Running"


def _ends(group: Mapping[str, Any]) -> int:
    return int(_view(group).get("restartCount") or 0)


def _view(group: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = group["properties"].get("containers") or [{}]
    view: Mapping[str, Any] = (containers[0].get("properties") or {}).get("instanceView") or {}
    return view


def _trouble(group: Mapping[str, Any]) -> str | None:
    """Return the last warning of the container's events: mostly, why its image cannot be pulled."""
    warnings = [one for one in _view(group).get("events") or () if str(one.get("type")).lower() == "warning"]
    return str(warnings[-1].get("message")).rstrip(".") + "." if warnings else None
