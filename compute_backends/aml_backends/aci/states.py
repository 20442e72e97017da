"""From the service's words about a container group to the contract's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from aml_plugins.compute import JobState, JobStatus
from aml_plugins.compute.runner_directory import job_status

__all__ = ["state_of", "status_of"]

_PROVISIONING = {
    "pending": JobState.PENDING,
    "creating": JobState.PENDING,
    "repairing": JobState.PENDING,
    "unhealthy": JobState.PENDING,
    "failed": JobState.FAILED,
}
_CONTAINER = {"waiting": JobState.PENDING, "running": JobState.RUNNING}
_KILLED = 137


def state_of(word: str) -> JobState:
    """Return what a container's state means before it has ended."""
    return _CONTAINER.get(word.lower(), JobState.UNKNOWN)


def status_of(group: Mapping[str, Any], said: Callable[[], Mapping[str, Any] | None]) -> JobStatus:
    """Return how a group's job is.

    The container's state counts, not the group's: groups were seen ``Running`` long after their container had ended.

    :param said: asks for the runner's last word; only done once the container has ended.
    """
    properties: Mapping[str, Any] = group.get("properties") or {}
    container = (properties.get("containers") or [{}])[0].get("properties") or {}
    view: Mapping[str, Any] = container.get("instanceView") or {}
    current: Mapping[str, Any] = view.get("currentState") or {}
    word = str(current.get("state") or "")
    if word.lower() == "terminated":
        return _ended(properties, current, view, said)
    provisioning = str(properties.get("provisioningState") or "")
    state = _PROVISIONING.get(provisioning.lower()) or (state_of(word) if word else JobState.PENDING)
    reason = _trouble(view) if state is not JobState.RUNNING else None
    if state is JobState.FAILED:
        reason = reason or "Azure could not create the container group."
    started = _time(current.get("startTime")) if state is JobState.RUNNING else None
    return JobStatus(state=state, native_state=word or provisioning, reason=reason, started_at=started)


def _ended(
    properties: Mapping[str, Any],
    current: Mapping[str, Any],
    view: Mapping[str, Any],
    said: Callable[[], Mapping[str, Any] | None],
) -> JobStatus:
    code = current.get("exitCode")
    last = said()
    told = job_status(last) if last is not None else None
    times = (_time(current.get("startTime")), _time(current.get("finishTime")))
    if told is not None and told.state.is_terminal:
        return replace(told, native_state="Terminated")
    stopped = str((properties.get("instanceView") or {}).get("state") or "").lower() == "stopped"
    if stopped:
        state, reason = JobState.CANCELLED, None
    else:
        state, reason = JobState.FAILED, _reason(code, view)
    return JobStatus(
        state=state,
        native_state="Terminated",
        reason=reason,
        lost=state is JobState.FAILED and code == _KILLED,
        exit_code=code,
        started_at=times[0],
        finished_at=times[1],
    )


def _reason(code: int | None, view: Mapping[str, Any]) -> str:
    trouble = _trouble(view)
    if trouble:
        return trouble
    if code == _KILLED:
        return "The container was killed, often because it used more memory than it asked for."
    return f"The container ended with exit code {code} and sent no results."


def _trouble(view: Mapping[str, Any]) -> str | None:
    """Return the last warning of the container's events: mostly, why its image cannot be pulled."""
    warnings = [event for event in view.get("events") or () if str(event.get("type")).lower() == "warning"]
    return str(warnings[-1].get("message")).rstrip(".") + "." if warnings else None


def _time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
