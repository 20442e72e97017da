"""What a machine's answer means in the words of the contract."""

from __future__ import annotations

from typing import Any

from aml_plugins.compute import JobHandle, JobStatus
from aml_plugins.compute.runner_directory import job_status
from aml_plugins.errors import BackendError, JobNotFoundError

__all__ = ["checked", "missing_job", "status_of"]


def checked(answer: dict[str, Any], label: str, key: str = "") -> dict[str, Any]:
    """Return an answer, or raise what it says went wrong.

    :raises JobNotFoundError: where the machine has no such job.
    :raises BackendError: where its disk is full, or it does not let us write.
    """
    kind = answer.get("error")
    if kind is None:
        return answer
    if kind == "missing":
        raise missing_job(key)
    if kind == "full":
        raise BackendError(f"The disk of '{label}' is full.", f"Free some space at '{answer['path']}' there.")
    raise BackendError(
        f"On '{label}', '{answer.get('path')}' cannot be used: {answer.get('what')}.",
        "Set the target's 'directory' to one that its user may write to.",
    )


def status_of(handle: JobHandle, said: dict[str, Any] | None) -> JobStatus | JobNotFoundError:
    """Return what the machine said about one job."""
    return missing_job(handle.job_id) if said is None else job_status(said)


def missing_job(key: str) -> JobNotFoundError:
    """Return the error for a job that no machine has."""
    return JobNotFoundError(
        f"There is no job '{key}' on the compute target.", "It was cleaned up, or its directory was deleted."
    )
