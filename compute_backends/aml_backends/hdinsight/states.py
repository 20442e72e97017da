"""From what Livy and the runner say to the words of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aml_plugins.compute import JobState, JobStatus, runner_directory
from aml_plugins.compute.spark_log import telling

__all__ = ["application_link", "has_ended", "job_status"]

SILENCE_SECONDS = 600.0
"""How long a runner that Livy knows nothing of may be silent before it counts as lost; it speaks every 5 s."""

_GATEWAY = (".azurehdinsight.net", ".azurehdinsight.cn", ".azurehdinsight.us")
_ENDED = frozenset({"success", "dead", "killed", "error"})

_LIVY = {
    "not_started": JobState.PENDING,
    "starting": JobState.PENDING,
    "running": JobState.PENDING,  # the application runs, the agent has said nothing yet
    "recovering": JobState.UNKNOWN,
    "killed": JobState.CANCELLED,
    "success": JobState.FAILED,
    "dead": JobState.FAILED,
    "error": JobState.FAILED,
}


def has_ended(batch: Mapping[str, Any]) -> bool:
    """Say whether Livy says that a batch is over."""
    return batch.get("state") in _ENDED


def application_link(batch: Mapping[str, Any] | None, livy: str) -> str | None:
    """Return the page of a batch's application: on YARN behind an HDInsight gateway, else Spark's, as Livy tells it.

    :param livy: Livy's address.
    """
    application = str((batch or {}).get("appId") or "")
    gateway = livy.removesuffix("/livy")
    if application.startswith("application_") and gateway.endswith(_GATEWAY):
        return f"{gateway}/yarnui/hn/cluster/app/{application}"
    told = ((batch or {}).get("appInfo") or {}).get("sparkUiUrl")
    return str(told) if told and str(told).startswith(("http://", "https://")) else None


def job_status(
    batch: Mapping[str, Any] | None,
    said: Mapping[str, Any] | None,
    *,
    asked_to_end: bool,
    silent_seconds: float,
    has_begun: bool,
) -> JobStatus:
    """Return the status of a job whose directory is there.

    :param batch: what Livy has, None where it has forgotten the batch.
    :param said: the runner's last word, None where it said none, empty where it cannot be read just now.
    :param asked_to_end: whether the run was asked to end.
    :param silent_seconds: for how long the runner has said nothing new.
    :param has_begun: whether an agent has taken the job; where Livy has no batch and none has, none can any more.
    """
    told = runner_directory.job_status(said) if said else None
    if told is not None and told.state.is_terminal:
        return told
    if said is not None and not said:
        return JobStatus(state=JobState.UNKNOWN, native_state="status being written")
    word = str(batch["state"]) if batch else None
    if word is None:
        silent = silent_seconds >= SILENCE_SECONDS or not has_begun
        return _without_livy(told, is_silent=silent, asked_to_end=asked_to_end)
    if word in _ENDED:
        return _ended(word, batch or {}, asked_to_end=asked_to_end, has_begun=told is not None)
    if told is not None:
        return replace(told, native_state=_native(told.native_state, batch or {}))
    return JobStatus(state=_LIVY.get(word, JobState.UNKNOWN), native_state=_native(word, batch or {}))


def _ended(word: str, batch: Mapping[str, Any], *, asked_to_end: bool, has_begun: bool) -> JobStatus:
    """Spark ended and the runner has not said how: it did not get so far, or died with Spark."""
    state = JobState.CANCELLED if asked_to_end else _LIVY[word]
    lost = has_begun and state is JobState.FAILED
    reason = None if asked_to_end else _why(word, batch)
    return JobStatus(state=state, native_state=_native(word, batch), reason=reason, lost=lost)


def _why(word: str, batch: Mapping[str, Any]) -> str:
    if word == "killed":
        return "The application was killed on the cluster, by nobody who asked here."
    told = telling(batch.get("log") or ())
    return f"Spark ended before the script did ({word}).{f' It said: {told}' if told else ''}"


def _without_livy(told: JobStatus | None, *, is_silent: bool, asked_to_end: bool) -> JobStatus:
    """Livy forgets what ended a while ago, and all when it starts anew without recovery."""
    if not is_silent:
        return told or JobStatus(state=JobState.UNKNOWN, native_state="gone")
    if asked_to_end:
        return JobStatus(state=JobState.CANCELLED, native_state="gone")
    reason = "Livy does not know the job any more, and its script is silent."
    return JobStatus(state=JobState.FAILED, native_state="gone", reason=reason, lost=True)


def _native(word: str, batch: Mapping[str, Any]) -> str:
    application = batch.get("appId")
    return f"{word} ({application})" if application else word
