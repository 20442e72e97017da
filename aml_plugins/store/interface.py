"""The store, one small interface a noun. ``sql/`` implements it; a REST client will.

All methods raise :class:`~aml_plugins.errors.StoreError` where the database fails, ``NotFoundError`` for a name that
is not in the workspace, ``AlreadyExistsError`` for a name that is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from aml_plugins.json_types import JsonObject
from aml_plugins.store.provisionings import Provisionings
from aml_plugins.store.records import (
    ComputeTargetRecord,
    DatastoreRecord,
    ImageRecord,
    MemberRecord,
    RunChange,
    RunRecord,
    ServiceRecord,
    SnapshotRecord,
    TaskEvent,
    TaskRecord,
    WorkspaceRecord,
)

__all__ = ["ComputeTargets", "Datastores", "Images", "Members", "Runs", "Services", "Snapshots", "Store"]
__all__ += ["Tasks", "Workspaces"]


class Workspaces(Protocol):
    """Settings of workspaces."""

    def add(self, record: WorkspaceRecord) -> WorkspaceRecord: ...
    def get(self, name: str) -> WorkspaceRecord: ...
    def find(self, name: str) -> WorkspaceRecord | None: ...
    def list(self) -> Sequence[WorkspaceRecord]: ...
    def save(self, record: WorkspaceRecord) -> WorkspaceRecord: ...

    def save_if_unchanged(self, before: WorkspaceRecord, settings: JsonObject) -> WorkspaceRecord | None:
        """Write the settings over those of ``before``; None, and nothing written, where they are others by now."""
        ...

    def contents(self, name: str) -> Mapping[str, int]:
        """Count what we keep of the workspace, by what users call it, in the plural; what there is none of is left out.

        Runs that were deleted in MLflow do not count; ``runs that have not ended`` are counted among ``runs`` too.
        """
        ...

    def empty(self, name: str) -> None:
        """Delete all but settings, datastores and the snapshots, which nobody names then; safe to repeat.

        Refused (``InvalidInputError``, naming them) while runs have not ended.
        """
        ...

    def remove(self, name: str) -> None:
        """Delete the settings and everything else that we keep of the workspace. Refused as :meth:`empty` is."""
        ...


class Members(Protocol):
    """Who has which role in a workspace. A database asks nobody who he is: whoever opens it may do everything."""

    def role(self, workspace: str) -> str:
        """Return the caller's own role: ``owner``, ``contributor`` or ``reader``."""
        ...

    def list(self, workspace: str) -> Sequence[MemberRecord]:
        """Return everybody with a role, by name; ``InvalidInputError`` where nobody is asked who he is."""
        ...

    def put(self, workspace: str, user: str, role: str) -> MemberRecord:
        """Give a user a role, in place of any other that he has there."""
        ...

    def remove(self, workspace: str, user: str) -> None:
        """Take every role and permission that a user has there."""
        ...


class ComputeTargets(Protocol):
    """Attached compute targets, and the slots that bound how many runs each has at a time."""

    def add(self, record: ComputeTargetRecord) -> ComputeTargetRecord: ...
    def get(self, workspace: str, name: str) -> ComputeTargetRecord: ...
    def list(self, workspace: str) -> Sequence[ComputeTargetRecord]: ...
    def save(self, record: ComputeTargetRecord) -> ComputeTargetRecord: ...

    def remove(self, workspace: str, name: str) -> None:
        """Detach; refused (``InvalidInputError``, naming them) while runs on it have not ended."""
        ...

    def claim_slot(self, workspace: str, name: str, run_id: str, limit: int) -> bool:
        """Give the run one of ``limit`` slots; True also where it has one. Oldest waiting run is the caller's care.

        Two drivers that claim at the same moment never both get the last slot.
        """
        ...

    def pass_slot(self, ended: str, waiting: str, limit: int) -> bool:
        """Give the slot of a run whose job has ended to one on the same target that waits.

        False where there is no such slot, or the target has more than ``limit`` taken: claim one then.
        """
        ...

    def release_slot(self, run_id: str) -> None:
        """Free the run's slot, if it has one."""
        ...


class Datastores(Protocol):
    """Registered datastores."""

    def add(self, record: DatastoreRecord) -> DatastoreRecord: ...
    def get(self, workspace: str, name: str) -> DatastoreRecord: ...
    def list(self, workspace: str) -> Sequence[DatastoreRecord]: ...
    def remove(self, workspace: str, name: str) -> None: ...


class Runs(Protocol):
    """How runs execute: rows with a lease, written by compare-and-set."""

    def add(self, record: RunRecord, message: str = "") -> RunRecord:
        """Write a new run together with its task and first event, in one transaction.

        Where the workspace already has a run with this ``idempotency_key``, write nothing and return that run.
        The new row's lease is ``record.lease_owner`` / ``record.lease_until``.
        """
        ...

    def get(self, workspace: str, run_id: str) -> RunRecord: ...
    def find(self, run_id: str) -> RunRecord | None: ...
    def find_by_key(self, workspace: str, idempotency_key: str) -> RunRecord | None: ...

    def get_many(self, run_ids: Collection[str]) -> Mapping[str, RunRecord]:
        """Return those that exist, in one statement."""
        ...

    def list(
        self,
        workspace: str,
        *,
        states: Collection[str] = (),
        experiment: str | None = None,
        target: str | None = None,
        parent_run_id: str | None = None,
        limit: int = 100,
        before: tuple[float, str] | None = None,
    ) -> Sequence[RunRecord]:
        """Return runs, newest first; ``before`` is ``(created_at, run_id)`` of the last one seen.

        Those that were deleted in MLflow are left out once they have ended.
        """
        ...

    def save(self, record: RunRecord, *, owner: str, message: str = "", progress: float | None = None) -> RunRecord:
        """Write the record if ``owner`` still holds its lease and ``record.version`` is the stored one.

        A changed ``state`` (or a message) appends one event to the run's task and moves the task along, in the same
        transaction; a final state frees the run's slot. Never writes ``cancel_requested_at``, ``released_at``, the
        lease, or what was submitted (``config``, ``script``, ``target`` and the like). Returns the record as stored.

        :raises LeaseLostError: otherwise; nothing was written.
        """
        ...

    def save_all(self, changes: Sequence[RunChange], *, owner: str) -> Mapping[str, RunRecord]:
        """Write changes as :meth:`save` does, those of one run in their order, each with the version after the last.

        Return the runs as they are stored then. One whose lease is lost is left out, and nothing of it is written.
        """
        ...

    def acquire(self, run_ids: Collection[str], owner: str, seconds: float) -> Sequence[str]:
        """Take or renew the leases that are free, expired, or ``owner``'s; return the ids now held.

        One statement; a lease whose owner is a dead process of this host counts as free. No lease is longer than
        :data:`aml_plugins.store.leases.LONGEST_LEASE_SECONDS`.
        """
        ...

    def release(self, run_ids: Collection[str], owner: str) -> None:
        """Give up leases that ``owner`` holds."""
        ...

    def due(self, owner: str, limit: int = 1000, workspace: str | None = None) -> Sequence[RunRecord]:
        """Return runs that have not ended and that nobody else drives at the moment, oldest first."""
        ...

    def cancellations(self, run_ids: Collection[str]) -> Mapping[str, float]:
        """Return when the runs among these were asked to end, where they were: what a lease's holder cannot know."""
        ...

    def request_cancel(self, workspace: str, run_id: str) -> RunRecord:
        """Note that the run shall end; a run that ended is returned unchanged. Needs no lease."""
        ...

    def mark_released(self, run_ids: Collection[str], *, released: bool) -> None:
        """Note that the runs were deleted (or restored) in MLflow."""
        ...


class Snapshots(Protocol):
    """Stored snapshots."""

    def put(self, record: SnapshotRecord) -> SnapshotRecord:
        """Write it, or return the one that is there."""
        ...

    def find(self, workspace: str, digest: str) -> SnapshotRecord | None: ...

    def unreferenced(self, workspace: str | None = None) -> Sequence[SnapshotRecord]:
        """Return the snapshots that no unreleased run names."""
        ...

    def remove(self, workspace: str, digest: str) -> bool:
        """Delete the row unless an unreleased run names it; say whether it went."""
        ...


class Tasks(Protocol):
    """Long-running operations and their events. Runs' tasks are written by ``Runs``."""

    def put(self, record: TaskRecord, *, message: str = "") -> TaskRecord:
        """Insert or update by id; a changed state, progress or message appends an event.

        Until the task ends its progress never goes back, and a progress, message or result that is not given stays as
        it was. ``Queued`` is for new tasks: where whoever does the work was faster than whoever asked for it, it
        changes nothing.
        """
        ...

    def get(self, workspace: str, task_id: str) -> TaskRecord: ...

    def list(
        self,
        workspace: str,
        *,
        subject: str | None = None,
        active: bool = False,
        limit: int = 100,
        before: tuple[float, str] | None = None,
    ) -> Sequence[TaskRecord]:
        """Return tasks, newest first; ``before`` is ``(created_at, task_id)`` of the last one seen."""
        ...

    def events(self, workspace: str, task_id: str, after: int = 0, limit: int = 1000) -> Sequence[TaskEvent]: ...

    def undelivered(self, subjects: Collection[str]) -> Sequence[TaskEvent]:
        """Return events of these subjects that no driver has handed to the event hooks yet, in order."""
        ...

    def mark_delivered(self, sequences: Iterable[int], workspaces: Collection[str] | None = None) -> None:
        """Note that events were handed to the event hooks; with ``workspaces``, only events of these."""
        ...


class Images(Protocol):
    """Versions of images: rows with a lease, written by compare-and-set."""

    def add(self, record: ImageRecord) -> ImageRecord:
        """Write a new version: the highest of its name and one more. The lease is ``record.lease_owner``'s."""
        ...

    def get(self, workspace: str, name: str, version: int | None = None) -> ImageRecord:
        """Return a version, the newest by default."""
        ...

    def list(self, workspace: str, name: str | None = None) -> Sequence[ImageRecord]:
        """Return all versions, of one image or of all, newest first."""
        ...

    def save(self, record: ImageRecord, *, owner: str) -> ImageRecord:
        """Write the record if ``owner`` holds its lease and ``revision`` is the stored one; never writes the lease.

        :raises LeaseLostError: otherwise; nothing was written.
        """
        ...

    def acquire(self, record: ImageRecord, owner: str, seconds: float) -> bool:
        """Take or renew the lease where it is free, expired, ``owner``'s, or that of a dead process of this host."""
        ...

    def release(self, record: ImageRecord, owner: str) -> None: ...

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ImageRecord]:
        """Return those that are being built by nobody at the moment."""
        ...

    def remove(self, workspace: str, name: str, version: int) -> None: ...


class Services(Protocol):
    """Services: what users want is written without a lease, what is is written by the lease's holder."""

    def add(self, record: ServiceRecord) -> ServiceRecord: ...
    def get(self, workspace: str, name: str) -> ServiceRecord: ...
    def list(self, workspace: str | None = None) -> Sequence[ServiceRecord]: ...

    def request(self, record: ServiceRecord, desired: JsonObject) -> ServiceRecord:
        """Write a new desired state if ``record.revision`` is the stored one. Needs no lease.

        :raises LeaseLostError: where somebody was faster: read it again.
        """
        ...

    def save(self, record: ServiceRecord, *, owner: str) -> ServiceRecord:
        """Write all but ``desired`` and the lease, if ``owner`` holds it. Returns the record as stored.

        :raises LeaseLostError: otherwise; nothing was written.
        """
        ...

    def acquire(self, record: ServiceRecord, owner: str, seconds: float) -> bool:
        """As for images."""
        ...

    def release(self, record: ServiceRecord, owner: str) -> None: ...

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ServiceRecord]:
        """Return those that nobody drives at the moment, the longest unwatched first."""
        ...

    def remove(self, record: ServiceRecord, *, owner: str) -> None:
        """Delete the row of a service that is gone.

        :raises LeaseLostError: where ``owner`` does not hold the lease.
        """
        ...


class Store(Protocol):
    """Everything of ours that is kept, by noun."""

    @property
    def uri(self) -> str: ...
    @property
    def workspaces(self) -> Workspaces: ...
    @property
    def members(self) -> Members: ...
    @property
    def compute_targets(self) -> ComputeTargets: ...
    @property
    def provisionings(self) -> Provisionings: ...
    @property
    def datastores(self) -> Datastores: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def snapshots(self) -> Snapshots: ...
    @property
    def tasks(self) -> Tasks: ...
    @property
    def images(self) -> Images: ...
    @property
    def services(self) -> Services: ...
    def close(self) -> None: ...
