"""The rows of the ``aml_*`` tables as frozen values. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aml_plugins.json_types import JsonObject, JsonValue

__all__ = [
    "ComputeTargetRecord",
    "DatastoreRecord",
    "ImageRecord",
    "MemberRecord",
    "ProvisioningRecord",
    "RunChange",
    "RunRecord",
    "ServiceRecord",
    "SnapshotRecord",
    "TaskEvent",
    "TaskRecord",
    "WorkspaceRecord",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRecord:
    """Settings of a workspace; the workspace itself is MLflow's.

    :param settings: ``default_datastore``, and what ``workspaces/settings.py`` keeps here.
    """

    name: str
    settings: JsonObject = field(default_factory=dict)
    created_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeTargetRecord:
    """An attached compute target; ``config`` passed the type's ``config_model``, secrets are references."""

    workspace: str
    name: str
    type: str
    config: JsonObject = field(default_factory=dict)
    created_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisioningRecord:
    """How a compute target that was created, not attached, came to be, or goes; it lives and dies with the target.

    :param operation_id: hexadecimal, new for each creation; the ids of its tasks are derived from it.
    :param desired: ``{"request", "absent", "canceled", "timeout_seconds"}``: written by users; ``request`` counts up.
    :param state: Creating, Ready, Failing (its remains are being deleted), Deleting or Failed.
    :param settled: whether it is what it shall be, as far as that was possible.
    :param revision: counts writes; a write names the one it read.
    :param maker: what began it, in its own words, such as a task of Airflow; empty where nobody said.
    """

    workspace: str
    name: str
    operation_id: str
    type: str
    desired: JsonObject
    state: str = "Creating"
    settled: bool = False
    reason: str | None = None
    error_code: str | None = None
    user: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    revision: int = 0
    lease_owner: str | None = None
    lease_until: float | None = None
    maker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatastoreRecord:
    """A registered datastore; ``config`` passed the type's model, secrets are references."""

    workspace: str
    name: str
    type: str
    config: JsonObject = field(default_factory=dict)
    created_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """Somebody with a role in a workspace.

    :param role: ``owner``, ``contributor`` or ``reader``.
    """

    user: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRecord:
    """A stored snapshot: content-addressed within its workspace.

    :param digest: SHA-256 of the content (``runs/snapshot``), hexadecimal.
    :param path: where the zip lies in ``datastore``.
    :param size: bytes of the zip; ``files``: members.
    """

    workspace: str
    digest: str
    datastore: str
    path: str
    size: int
    files: int
    created_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """How a run executes. Its metrics, tags and artifacts are MLflow's, under the same id.

    :param run_id: 32 hexadecimal digits.
    :param state: a word of ``runs.states.RunState``.
    :param idempotency_key: the caller's name for this submission; one key maps to one run for ever.
    :param config: the resolved run configuration, JSON.
    :param source: ``{"directory", "host", "home"}`` of the submission, to take the snapshot after a crash.
    :param attempt: 1 for the first try.
    :param handle: ``JobHandle.to_dict()`` once submitted.
    :param cursors: where log and record pulling stand, by stream.
    :param reason: one sentence why the run failed or what it waits for.
    :param error_code: an ``AmlError.code`` where an error of ours ended the run.
    :param cancel_requested_at: set once, by anyone; the driver acts on it.
    :param outcome: set when ``Finalizing`` begins: the final state to reach.
    :param released_at: the run was deleted in MLflow: its snapshot may go.
    :param version: counts writes; a write names the version it read.
    :param lease_owner: the driver that owns the run until ``lease_until``.
    """

    workspace: str
    run_id: str
    experiment_id: str
    experiment_name: str
    target: str
    target_type: str
    state: str
    script: str
    config: JsonObject
    source: JsonObject = field(default_factory=dict)
    name: str | None = None
    parent_run_id: str | None = None
    idempotency_key: str | None = None
    user: str = ""
    snapshot_digest: str | None = None
    attempt: int = 1
    handle: Mapping[str, JsonValue] | None = None
    cursors: JsonObject = field(default_factory=dict)
    native_state: str = ""
    reason: str | None = None
    error_code: str | None = None
    exit_code: int | None = None
    outcome: str | None = None
    cancel_requested_at: float | None = None
    released_at: float | None = None
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    updated_at: float = 0.0
    version: int = 0
    lease_owner: str | None = None
    lease_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """A run as its driver leaves it; ``run.version`` is the version that it had before.

    :param message: becomes an event of the run's task, as a new state does.
    :param progress: 0 to 1; None leaves it as it is.
    :param frees_slot: the run's job has ended: another may have its slot.
    """

    run: RunRecord
    message: str = ""
    progress: float | None = None
    frees_slot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """A version of an image: what it is made of, and what came of making it.

    :param version: 1, 2, 3, … within the name; 0 in a new record: the store chooses.
    :param state: Building, Succeeded or Failed.
    :param builder: the builder's type, such as ``oci``.
    :param config: the resolved inference configuration and build settings, JSON; secrets are references.
    :param models: ``{"name", "version", "run_id"}`` of each model in it.
    :param source: where the snapshot of the script's directory lies: ``{"digest"}``.
    :param digest: ``sha256:…`` of the image's manifest.
    :param location: where it can be pulled from: ``REGISTRY/NAME@sha256:…``, or the datastore's path.
    :param result: what else the builder tells: layers, sizes.
    :param revision: counts writes; a write names the one it read.
    """

    workspace: str
    name: str
    version: int = 0
    state: str
    builder: str
    config: JsonObject
    models: JsonValue = ()
    source: JsonObject = field(default_factory=dict)
    tags: JsonObject = field(default_factory=dict)
    digest: str | None = None
    location: str | None = None
    result: JsonObject = field(default_factory=dict)
    reason: str | None = None
    error_code: str | None = None
    user: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    revision: int = 0
    lease_owner: str | None = None
    lease_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """A service: what it shall be, and what it is.

    :param service_id: hexadecimal; the names of all that is started for it are derived from it.
    :param type: the service type, such as ``local``.
    :param state: Transitioning, Healthy, Unhealthy or Failed.
    :param desired: ``{"generation", "image", "config", "replicas", "traffic", "deleted"}``: written by users' requests.
    :param deployments: the versions that run or are being started, JSON objects; written by who holds the lease.
    :param generation: of the desired state that was last acted on to its end.
    :param looked_at: when its health was last asked for.
    :param revision: counts writes; a write names the one it read.
    """

    workspace: str
    name: str
    service_id: str
    type: str
    state: str
    desired: JsonObject
    deployments: JsonValue = ()
    generation: int = 0
    endpoint: str | None = None
    reason: str | None = None
    error_code: str | None = None
    tags: JsonObject = field(default_factory=dict)
    user: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    looked_at: float = 0.0
    revision: int = 0
    lease_owner: str | None = None
    lease_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """A long-running operation that people can watch.

    :param task_id: the run id for a run's own task; otherwise derived from what it works for.
    :param kind: ``run``, ``environment``, later ``image``, ``service``, ``compute``.
    :param subject: what it works for: a run id, a service name.
    :param state: Queued, Running, Completed, Failed or Canceled.
    :param progress: 0.0 to 1.0, None where unknown.
    :param message: the newest sentence.
    """

    workspace: str
    task_id: str
    kind: str
    subject: str
    state: str
    progress: float | None = None
    message: str = ""
    result: JsonObject | None = None
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """One line of a task's history; ``sequence`` grows within the store, without reuse.

    :param old, new: for a transition, the states before and after (of the run, for a run's task); else None.
    """

    workspace: str
    task_id: str
    kind: str
    subject: str
    sequence: int = 0
    time: float = 0.0
    old: str | None = None
    new: str | None = None
    progress: float | None = None
    message: str = ""
