"""From what Kubernetes says of a Job and its pods to the words of the contract."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aml_plugins.compute import JobState, JobStatus

__all__ = ["CANCELLED", "NO_POD", "has_ended", "start_of", "status_of"]

CANCELLED = "aml-plugins/cancelled"
"""The annotation of a job that was asked to end."""
NO_POD = "no pod yet"
_DELETED = "Somebody deleted the run's pod, or its namespace, in the cluster."

Said = Callable[[], JobStatus | None]

_FAILURES = {
    "DeadlineExceeded": "The run ran into its time limit, and its runner could not say so.",
    "BackoffLimitExceeded": "The run lost its pod more often than the target's eviction_retries allow.",
}


def start_of(pod: Mapping[str, Any] | None) -> int:
    """Return which start of its job a pod is; 0 for none. A pod that replaces another has an id of its own."""
    return zlib.crc32(str(pod["metadata"].get("uid")).encode()) or 1 if pod else 0


def has_ended(job: Mapping[str, Any]) -> bool:
    """Say whether none of the job's pods runs, or will."""
    status: Mapping[str, Any] = job.get("status") or {}
    # Before Kubernetes 1.31, a job could have failed while its other pods were still ending.
    living = int(status.get("active") or 0) + int(status.get("terminating") or 0)
    return living == 0 and (_final_condition(status) is not None or _all_succeeded(job))


def status_of(job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], said: Said) -> JobStatus:
    """Return how a job is.

    :param pods: the pods of the job, in any order.
    :param said: asks for the runners' last word; only done for a job that ended.
    """
    status: Mapping[str, Any] = job.get("status") or {}
    pod = _first_node(pods)
    condition = _final_condition(status)
    asked_to_end = CANCELLED in (job["metadata"].get("annotations") or {})
    if condition is not None:
        return _timed(_ended(condition, pod, said, asked_to_end=asked_to_end), status, pod)
    if _all_succeeded(job) or (_nodes(job) == 1 and _phase(pod) == "Succeeded"):
        return _timed(_succeeded(pod), status, pod)
    if asked_to_end:
        still = int(status.get("active") or 0) + int(status.get("terminating") or 0)
        # The controller's own word: before it has looked, it may still start a pod.
        if _is_true(status, "Suspended") and not still:
            return _timed(JobStatus(state=JobState.CANCELLED, native_state="suspended"), status, pod)
        return JobStatus(state=JobState.RUNNING, native_state="terminating")
    return _timed(_living(pod), status, pod)


def _all_succeeded(job: Mapping[str, Any]) -> bool:
    """The controller counts pods first and writes the job's final word a second or two later."""
    return int((job.get("status") or {}).get("succeeded") or 0) >= _nodes(job)


def _nodes(job: Mapping[str, Any]) -> int:
    return int((job.get("spec") or {}).get("completions") or 1)


def _phase(pod: Mapping[str, Any] | None) -> str:
    return str(pod["status"].get("phase") or "") if pod else ""


def _is_true(status: Mapping[str, Any], kind: str) -> bool:
    conditions = status.get("conditions") or ()
    return any(entry.get("type") == kind and entry.get("status") == "True" for entry in conditions)


def _final_condition(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") in {"Complete", "Failed"} and condition.get("status") == "True":
            found: Mapping[str, Any] = condition
            return found
    return None


def _succeeded(pod: Mapping[str, Any] | None) -> JobStatus:
    """Return one status, whether the Job says so already or its pods only."""
    return JobStatus(state=JobState.SUCCEEDED, native_state="Complete", exit_code=_exit_code(pod) or 0)


def _ended(condition: Mapping[str, Any], pod: Mapping[str, Any] | None, said: Said, *, asked_to_end: bool) -> JobStatus:
    code = _exit_code(pod)
    if condition["type"] == "Complete":
        return _succeeded(pod)
    reason = str(condition.get("reason") or "Failed")
    told = said()
    # A pod that ended because another failed, or ran out of time, says that it was cancelled; one that was asked to end
    # while its runner was just starting, that the runner was killed.
    misled = told is not None and (told.lost if asked_to_end else told.state is JobState.CANCELLED)
    if told is not None and told.state.is_terminal and not misled:
        return replace(told, native_state=reason)
    if asked_to_end:  # a pod that is taken away may count as one that failed
        return JobStatus(state=JobState.CANCELLED, native_state=reason, exit_code=code)
    if told is not None and misled and reason == "PodFailurePolicy":  # nobody asked it to end, and no other pod failed
        return JobStatus(state=JobState.FAILED, native_state=reason, exit_code=code, reason=_DELETED, lost=True)
    words = _killed(pod) or _FAILURES.get(reason) or str(condition.get("message") or reason)
    lost = reason == "BackoffLimitExceeded" and _killed(pod) is None
    return JobStatus(state=JobState.FAILED, native_state=reason, exit_code=code, reason=words, lost=lost)


def _living(pod: Mapping[str, Any] | None) -> JobStatus:
    if pod is None:
        return JobStatus(state=JobState.PENDING, native_state=NO_POD)
    phase = str(pod["status"].get("phase") or "Unknown")
    if phase == "Running":
        return JobStatus(state=JobState.RUNNING, native_state=phase)
    if phase == "Pending":
        return JobStatus(state=JobState.PENDING, native_state=_waiting(pod) or phase, reason=_why_pending(pod))
    if phase in {"Succeeded", "Failed"}:  # the Job will say so in a moment, or start another pod
        return JobStatus(state=JobState.UNKNOWN, native_state=phase)
    return JobStatus(state=JobState.UNKNOWN, native_state=phase)


def _why_pending(pod: Mapping[str, Any]) -> str | None:
    """Return why no node takes the pod, or why its image cannot be had."""
    for condition in pod["status"].get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"No node takes the run: {str(condition.get('message') or '').rstrip('.')}."
    state = _container(pod).get("state") or {}
    waiting: Mapping[str, Any] = state.get("waiting") or {}
    if waiting.get("message"):
        return f"The pod cannot start: {str(waiting['message'])[:300].rstrip('.')}."
    return None


def _waiting(pod: Mapping[str, Any]) -> str | None:
    state = _container(pod).get("state") or {}
    reason = (state.get("waiting") or {}).get("reason")
    return str(reason) if reason else None


def _killed(pod: Mapping[str, Any] | None) -> str | None:
    ended = _terminated(pod)
    if ended.get("reason") == "OOMKilled":
        return "The script used more memory than the run asked for, and was killed."
    tail = str(ended.get("message") or "").strip()
    return f"The container ended with {ended.get('exitCode')}: {tail[-300:]}" if tail else None


def _timed(found: JobStatus, status: Mapping[str, Any], pod: Mapping[str, Any] | None) -> JobStatus:
    state = _container(pod).get("state") or {} if pod else {}
    started = (state.get("running") or state.get("terminated") or {}).get("startedAt") or status.get("startTime")
    finished = (state.get("terminated") or {}).get("finishedAt") or status.get("completionTime")
    return replace(
        found,
        generation=start_of(pod),
        started_at=found.started_at or (_time(started) if found.state is not JobState.PENDING else None),
        finished_at=found.finished_at or (_time(finished) if found.state.is_terminal else None),
    )


def _first_node(pods: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the newest pod of node 0: it speaks for the job."""
    index = "batch.kubernetes.io/job-completion-index"
    mine = [pod for pod in pods if (pod["metadata"].get("annotations") or {}).get(index, "0") == "0"]
    return max(mine, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), default=None)


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(iter(pod["status"].get("containerStatuses") or ()), {})


def _terminated(pod: Mapping[str, Any] | None) -> Mapping[str, Any]:
    ended: Mapping[str, Any] = (_container(pod).get("state") or {}).get("terminated") or {} if pod else {}
    return ended


def _exit_code(pod: Mapping[str, Any] | None) -> int | None:
    code = _terminated(pod).get("exitCode")
    return int(code) if code is not None else None


def _time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
