"""Optional abilities of a backend. Absence means "not supported"; a class shows them without an instance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from aml_plugins.compute.job import JobHandle, LogChunk
from aml_plugins.json_types import JsonObject

__all__ = [
    "SupportsListing",
    "SupportsLogs",
    "SupportsProvisioning",
    "SupportsReadiness",
    "SupportsRecords",
    "SupportsResultsInPlace",
    "SupportsWaking",
]


@runtime_checkable
class SupportsLogs(Protocol):
    """Can show the script's output while it runs."""

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor`` (at most 1 MiB); the empty cursor is the beginning. Never waits.

        Where the target has begun the job anew since, return the new output from its beginning, and say so by the
        chunk's ``generation``.
        """
        ...


@runtime_checkable
class SupportsRecords(Protocol):
    """Can show what the script logged through the Azure ML v1 API while it runs."""

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of ``records.jsonl`` since ``cursor`` (about 1 MiB at most). Never waits."""
        ...


@runtime_checkable
class SupportsResultsInPlace(Protocol):
    """Has the results of its jobs on this machine: they need not be fetched to be stored."""

    def results(self, handle: JobHandle) -> Iterable[tuple[str, str | None]]:
        """Return an ended job's results: each path that ``fetch`` would make, and the file that belongs there.

        None instead of a file is a directory; it comes before what lies in it. Files are no links, do not change any
        more, and stay until ``cleanup``.

        :raises JobNotFoundError: where the target has no such job.
        """
        ...


@runtime_checkable
class SupportsListing(Protocol):
    """Can list the jobs that this project started: finds orphans."""

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all our jobs on the target."""
        ...


@runtime_checkable
class SupportsProvisioning(Protocol):
    """Targets that can be created and deleted, not only attached.

    What was created carries a mark of its workspace and name, so that it is known again after any crash, and so that
    nothing of somebody else's is ever taken for it.
    """

    def target_plan(self) -> JsonObject:
        """Return what would be asked of the remote side: a pure value without secrets. Asks nobody.

        :raises InvalidInputError: where the settings do not say what to create.
        """
        ...

    def ensure_target(self) -> bool:
        """Go on creating the target; return True once it is ready. Returns at once; idempotent.

        :raises AlreadyExistsError: where somebody else's has its name.
        :raises BackendError: where it never will be ready.
        """
        ...

    def delete_target(self) -> bool:
        """Go on deleting the target; return True once nothing of ours is there. Returns at once; idempotent.

        What has no mark of ours stays, and counts as nothing of ours.
        """
        ...


@runtime_checkable
class SupportsReadiness(Protocol):
    """Can do what a job's start needs and no job is part of, while the core still writes the run down."""

    def get_ready(self, runner: Path) -> None:
        """Begin, and return at once: a job will probably be submitted soon. Called for a run that was checked.

        Only a hint: the job may never come, nobody asks whether this worked, and what it began ends with
        :meth:`~aml_plugins.compute.ComputeBackend.close` or with this process. Raises nothing.

        :param runner: the ``runner.pyz`` that the job will have.
        """
        ...


@runtime_checkable
class SupportsWaking(Protocol):
    """Can tell at once when a job ends, so that nobody has to keep asking."""

    def wakers(self, handles: Iterable[JobHandle]) -> Sequence[int]:
        """Return file descriptors that become readable when one of these jobs ends; the caller closes them.

        Only a hint, after which :meth:`~aml_plugins.compute.ComputeBackend.statuses` is asked: there need not be one
        for each job. Never waits.
        """
        ...
