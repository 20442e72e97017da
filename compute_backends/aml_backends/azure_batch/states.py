"""From Batch's words about a task to the contract's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from aml_plugins.compute import JobState, JobStatus

__all__ = ["start_of", "state_of", "status_of"]

_STATES = {"active": JobState.PENDING, "preparing": JobState.RUNNING, "running": JobState.RUNNING}
_NOT_FOUND = 127
_WORDS = {
    "CommandProgramNotFound": "The Python of the compute target is not on its nodes: set the target's 'python'.",
    "BlobNotFound": "A file of the job is not in its datastore any more.",
    "BlobAccessDenied": "The node may not read the job's files: the signed URLs have expired, or the account is closed "
    "to the node's network.",
    "BlobDownloadTimedOut": "The job's files did not reach the node in time.",
    "ContainerInvalidImage": "The image cannot be pulled by the nodes.",
    "DiskFull": "The disk of the node is full.",
}


def state_of(word: str) -> JobState:
    """Return what a task's state means while it has not completed."""
    return _STATES.get(word.lower(), JobState.UNKNOWN)


def start_of(task: Mapping[str, Any]) -> int:
    """Return which start of its task this is, by when it was; 0 while it is not started.

    Batch starts a task whose node was lost again by itself, and ``startTime`` is that of the last start.
    """
    return int(1000 * (_time((task.get("executionInfo") or {}).get("startTime")) or 0))


def status_of(task: Mapping[str, Any], said: Callable[[], JobStatus | None], *, losses_allowed: int) -> JobStatus:
    """Return how a task is.

    :param said: asks for the runners' last word; only done for a task that failed.
    :param losses_allowed: how often it may lose its node.
    """
    return replace(_status_of(task, said, losses_allowed), generation=start_of(task))


def _status_of(task: Mapping[str, Any], said: Callable[[], JobStatus | None], losses_allowed: int) -> JobStatus:
    word = str(task.get("state") or "")
    info: Mapping[str, Any] = task.get("executionInfo") or {}
    if word.lower() == "completed":
        return _ended(info, said)
    lost = int(info.get("requeueCount") or 0)
    if lost > losses_allowed:
        often = f"The run lost its node {lost} times, or had it preempted; the target allows {losses_allowed}."
        return JobStatus(state=JobState.FAILED, native_state=word, reason=often, lost=True)
    state = state_of(word)
    reason = f"Started again after its node was lost ({lost} of {losses_allowed} times)." if lost else None
    started = _time(info.get("startTime")) if state is JobState.RUNNING else None
    return JobStatus(
        state=state, native_state=word, preparing=word.lower() == "preparing", reason=reason, started_at=started
    )


def _ended(info: Mapping[str, Any], said: Callable[[], JobStatus | None]) -> JobStatus:
    started, finished = _time(info.get("startTime")), _time(info.get("endTime"))
    return replace(_outcome(info, said), started_at=started, finished_at=finished)


def _outcome(info: Mapping[str, Any], said: Callable[[], JobStatus | None]) -> JobStatus:
    failure: Mapping[str, Any] = info.get("failureInfo") or {}
    code = info.get("exitCode")
    if not failure and str(info.get("result") or "success").lower() == "success":
        return JobStatus(state=JobState.SUCCEEDED, native_state="completed", exit_code=code or 0)
    name, message = str(failure.get("code") or ""), str(failure.get("message") or "")
    if name == "TaskEnded" and "user request" in message.lower():
        return JobStatus(state=JobState.CANCELLED, native_state=name, exit_code=code)
    told = None if name in _WORDS else said()
    if told is not None and told.state in {JobState.FAILED, JobState.CANCELLED}:
        return replace(told, native_state="completed")
    reason = _unsaid(code) if name == "FailureExitCode" else _reason(name, message, failure)
    return JobStatus(state=JobState.FAILED, native_state=name or "completed", exit_code=code, reason=reason)


def _unsaid(code: object) -> str:
    """Return why a task failed whose runner said nothing."""
    if code == _NOT_FOUND:
        return f"{_WORDS['CommandProgramNotFound']} The task ended with exit code {code}."
    return f"The task ended with exit code {code} before its runner could say why."


def _reason(name: str, message: str, failure: Mapping[str, Any]) -> str:
    details = {str(item.get("name")): str(item.get("value")) for item in failure.get("details") or ()}
    said = _WORDS.get(name) or f"{message.rstrip('.') or 'The task failed'} ({name})."
    if "timed out" in message.lower():
        return f"The task ran into its time limit on Azure Batch ({name})."
    shown = details.get("FilePath") or details.get("BlobSource")
    return f"{said} File: {shown}." if shown else said


def _time(text: str | None) -> float | None:
    """Batch writes seven digits of a second, Python reads six."""
    if not text:
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction + '000000')[:6]}+00:00").timestamp()
