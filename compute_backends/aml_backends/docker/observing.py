"""Why a container ended, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from aml_plugins.compute import JobStatus

__all__ = ["OUT_OF_MEMORY", "dead_container_reason", "explained"]

_KILLED = -9
OUT_OF_MEMORY = "The container ran out of memory: ask for more with the run's resources, or for less in the script."


def explained(status: JobStatus, state: Callable[[], Mapping[str, Any]]) -> JobStatus:
    """Add what only the engine knows: that its limit on memory was what killed the script."""
    if status.exit_code == _KILLED and state().get("OOMKilled"):
        return replace(status, reason=OUT_OF_MEMORY)
    return status


def dead_container_reason(state: Mapping[str, Any]) -> str:
    """Say why a container ended without its runner's last word."""
    if not state:
        return "The container was removed while the job was in it."
    if state.get("OOMKilled"):
        return OUT_OF_MEMORY
    if state.get("Error"):
        return f"The container failed: {str(state['Error']).rstrip('.')}."
    return "The runner of the job was killed, or its machine was restarted."
