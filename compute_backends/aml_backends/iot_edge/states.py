"""From what devices report to the words of the contract.

Source: learn.microsoft.com/azure/iot-edge/module-edgeagent-edgehub, reported properties of ``$edgeAgent``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aml_backends.iot_edge.manifest import owner
from aml_plugins.services.contract import DeploymentState, DeploymentStatus

__all__ = ["Sight", "pending", "seconds_since", "sight_of"]

_OK = 200
_BOOT_FAILED = 3
"""The scoring server's exit code where the script cannot be loaded or initialized: trying again does not help."""
_RESTARTS = 4
_ENDED = frozenset({"backoff", "failed", "stopped", "dead"})


@dataclass(frozen=True, slots=True)
class Sight:
    """How a module is by its device's report.

    :param is_running: whether its container runs; since when says ``started``.
    """

    status: DeploymentStatus
    is_running: bool = False
    started: str = ""


def sight_of(module: Mapping[str, Any] | None, agent: Mapping[str, Any], key: str) -> Sight:
    """Return how a version's module is.

    :param module: its part of what was reported, None where there is none.
    :param agent: ``lastDesiredStatus`` of the report.
    :param key: of the version; a module of another one still runs.
    """
    code = int(agent.get("code") or _OK)
    trouble = f"The device says: {agent.get('description') or code}." if code != _OK else None
    if module is None:
        return Sight(pending(trouble or "The device has not made the module yet."))
    if owner(module) != key:
        return Sight(pending(trouble or "The device still runs the version before."))
    word, exit_code = str(module.get("runtimeStatus") or "unknown"), module.get("exitCode")
    if word == "running":
        return Sight(pending("It is loading."), is_running=True, started=str(module.get("lastStartTimeUtc") or ""))
    restarts = int(module.get("restartCount") or 0)
    is_over = module.get("restartPolicy") == "never" or exit_code == _BOOT_FAILED or restarts >= _RESTARTS
    if word in _ENDED and is_over:
        words = f"Its container ended with exit code {exit_code}."
        return Sight(DeploymentStatus(state=DeploymentState.FAILED, reason=words))
    return Sight(pending(trouble or f"The device says that the module is {word}."))


def pending(reason: str) -> DeploymentStatus:
    """Return that it is not there yet, and why."""
    return DeploymentStatus(state=DeploymentState.PENDING, reason=reason)


def seconds_since(when: str, now: datetime | None = None) -> float:
    """Return how long ago a reported time was, 0 where it is none; devices' clocks may be before ours.

    :param when: ISO 8601; digits beyond microseconds are left out.
    """
    head, _, rest = when.rstrip("Z").partition(".")
    digits = rest.partition("+")[0][:6]
    try:
        began = datetime.fromisoformat(head + (f".{digits.ljust(6, '0')}" if digits else "")).replace(tzinfo=UTC)
    except ValueError:
        return 0.0
    return ((now or datetime.now(UTC)) - began).total_seconds()
