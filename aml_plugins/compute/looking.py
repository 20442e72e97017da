"""How one of many jobs is, or what went wrong in asking: a sick job must not hide the healthy ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aml_plugins.compute.job import JobHandle, JobStatus
from aml_plugins.errors import JobNotFoundError

__all__ = ["Seen", "missing_job", "seen_by", "status_in"]

Seen = JobStatus | Exception


def seen_by(look: Callable[[], JobStatus]) -> Seen:
    """Return what a look at one job finds, or the error that it raises."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001  whatever it is, it is one job's
        return error


def status_in(seen: Mapping[JobHandle, Seen], handle: JobHandle) -> JobStatus:
    """Return how a job is, or raise what went wrong in asking; for backends that always ask for many."""
    found = seen[handle]
    if isinstance(found, Exception):
        raise found
    return found


def missing_job(handle: JobHandle, otherwise: str, what: str = "job") -> JobNotFoundError:
    """Return the error for a job that is not on its target.

    :param otherwise: what may have become of it, unless it was cleaned up, such as ``deleted on Azure``.
    :param what: the target's own word for a job.
    """
    return JobNotFoundError(
        f"There is no {what} '{handle.job_id}' on the compute target '{handle.target}'.",
        f"It was cleaned up, or {otherwise}.",
    )
