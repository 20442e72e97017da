"""Bodies and answers of the REST API, for type checkers: what docs/reference/openapi.json says, as ``TypedDict``.

Written by docs/generate_rest_types.py; do not edit. A field that may be absent is ``NotRequired``. Fields are added
within an API version, so that an answer may have more than its type says. Limits of lengths and values are in the
document alone.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Acquire(TypedDict):
    """Leases to take or renew."""

    owner: str
    run_ids: list[str]
    seconds: float


class Acquired(TypedDict):
    """The runs whose leases are held now."""

    held: list[str]


class Artifact(TypedDict):
    """A file or directory of a run."""

    is_directory: bool
    path: str
    size: int | None


class Cancellations(TypedDict):
    """When runs were asked to end, by run."""

    cancellations: dict[str, float]


class DatastoreFile(TypedDict):
    """A file of a datastore."""

    path: str
    size: int


class DatastoreFileState(TypedDict):
    """Whether a file is there."""

    exists: bool
    path: str


class Delivered(TypedDict):
    """Events that were handed to the event hooks."""

    sequences: list[int]
    subjects: list[str]


class Desired(TypedDict):
    """What a service shall be; ``If-Match`` has the revision that was read."""

    desired: dict[str, Any]
    """A JSON object."""
    service_id: str


class ErrorAnswer(TypedDict):
    """Every failure: a stable code, what is wrong, what to do."""

    error_code: str
    fix: str
    message: str


class Held(TypedDict):
    """Whether the lease is held now."""

    held: bool


class Holder(TypedDict):
    """Who gives a lease up."""

    owner: str
    service_id: NotRequired[str | None]


class Image(TypedDict):
    """A version of an image as it is stored."""

    builder: str
    config: dict[str, Any]
    """A JSON object."""
    created_at: float
    """Seconds since the epoch, UTC."""
    digest: NotRequired[str | None]
    error_code: NotRequired[str | None]
    lease_owner: str | None
    lease_until: float | None
    location: NotRequired[str | None]
    models: NotRequired[list[dict[str, Any]]]
    name: str
    reason: NotRequired[str | None]
    result: NotRequired[dict[str, Any]]
    """A JSON object."""
    revision: int
    source: NotRequired[dict[str, Any]]
    """A JSON object."""
    state: str
    tags: NotRequired[dict[str, Any]]
    """A JSON object."""
    updated_at: float
    """Seconds since the epoch, UTC."""
    user: NotRequired[str]
    version: int
    workspace: str


class ImageList(TypedDict):
    """Images; those that are not for you are left out."""

    items: list[Image]


class Lease(TypedDict):
    """
    A lease to take or renew.

    ``service_id`` says which service of the name is meant: there may have been another. Images have none.
    """

    owner: str
    seconds: float
    service_id: NotRequired[str | None]


class LogPiece(TypedDict):
    """
    Bytes of a run's log, base64, that begin at ``offset``; ``owner`` holds the run's lease.

    ``generation`` says which start of the attempt's job they are of, where its target begins jobs anew.
    """

    attempt: int
    data: str
    generation: NotRequired[int]
    offset: int
    owner: str


class LogSize(TypedDict):
    """How many bytes of the log the server has."""

    size: int


class Member(TypedDict):
    """Somebody with a role in a workspace."""

    role: str
    user: str


class MemberBody(TypedDict):
    """A user to share a workspace with; the role is owner, contributor or reader."""

    role: str
    user: str


class MlflowRunBody(TypedDict):
    """An MLflow run to create; times are milliseconds since the epoch."""

    experiment_id: str
    name: NotRequired[str | None]
    parent_run_id: NotRequired[str | None]
    start_time: NotRequired[int | None]
    tags: NotRequired[dict[str, str]]
    user: NotRequired[str]


class MlflowStatusBody(TypedDict):
    """MLflow's status as the job has it, and tags with it."""

    end_time: NotRequired[int | None]
    status: Literal["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"]
    tags: NotRequired[dict[str, str]]


class Model(TypedDict):
    """A version of a registered model."""

    name: str
    run_id: str | None
    source: str
    tags: dict[str, str]
    version: str


class ModelBody(TypedDict):
    """A file or directory of a run to register as the next version of a model."""

    name: str
    path: str
    run_id: str
    tags: NotRequired[dict[str, str]]


class NewImage(TypedDict):
    """A version of an image to write down; the server gives it its number."""

    builder: str
    config: dict[str, Any]
    """A JSON object."""
    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    digest: NotRequired[str | None]
    error_code: NotRequired[str | None]
    lease_owner: NotRequired[str | None]
    lease_seconds: NotRequired[float | None]
    location: NotRequired[str | None]
    models: NotRequired[list[dict[str, Any]]]
    name: str
    """a-z, 0-9, '-' and '_'"""
    reason: NotRequired[str | None]
    result: NotRequired[dict[str, Any]]
    """A JSON object."""
    source: NotRequired[dict[str, Any]]
    """A JSON object."""
    state: str
    tags: NotRequired[dict[str, Any]]
    """A JSON object."""
    user: NotRequired[str]


class NewProvisioning(TypedDict):
    """A compute target to create; ``config`` has the settings of its type, secrets as references."""

    config: NotRequired[dict[str, Any]]
    """A JSON object."""
    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    desired: dict[str, Any]
    """A JSON object."""
    error_code: NotRequired[str | None]
    lease_owner: NotRequired[str | None]
    lease_seconds: NotRequired[float | None]
    maker: NotRequired[str]
    name: str
    """a-z, 0-9, '-' and '_'"""
    operation_id: str
    reason: NotRequired[str | None]
    settled: NotRequired[bool]
    state: NotRequired[str]
    type: str
    """a-z, 0-9, '-' and '_'"""
    user: NotRequired[str]


class NewService(TypedDict):
    """A service to write down."""

    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    deployments: NotRequired[list[dict[str, Any]]]
    desired: dict[str, Any]
    """A JSON object."""
    endpoint: NotRequired[str | None]
    error_code: NotRequired[str | None]
    generation: NotRequired[int]
    lease_owner: NotRequired[str | None]
    lease_seconds: NotRequired[float | None]
    looked_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    name: str
    """a-z, 0-9, '-' and '_'"""
    reason: NotRequired[str | None]
    service_id: str
    state: str
    tags: NotRequired[dict[str, Any]]
    """A JSON object."""
    type: str
    """a-z, 0-9, '-' and '_'"""
    user: NotRequired[str]


class PageArtifact(TypedDict):
    items: list[Artifact]
    next_page_token: str | None


class PageDatastoreFile(TypedDict):
    items: list[DatastoreFile]
    next_page_token: str | None


class PageImage(TypedDict):
    items: list[Image]
    next_page_token: str | None


class PageMember(TypedDict):
    items: list[Member]
    next_page_token: str | None


class Provisioning(TypedDict):
    """A creation as it is stored."""

    created_at: float
    """Seconds since the epoch, UTC."""
    desired: dict[str, Any]
    """A JSON object."""
    error_code: NotRequired[str | None]
    lease_owner: str | None
    lease_until: float | None
    maker: str
    name: str
    operation_id: str
    reason: NotRequired[str | None]
    revision: int
    settled: NotRequired[bool]
    state: NotRequired[str]
    type: str
    updated_at: float
    """Seconds since the epoch, UTC."""
    user: str
    workspace: str


class ProvisioningHolder(TypedDict):
    """Who gives a lease up; ``operation_id`` says which creation of the name is meant."""

    operation_id: str
    owner: str


class ProvisioningLease(TypedDict):
    """A lease to take or renew."""

    operation_id: str
    owner: str
    seconds: float


class ProvisioningList(TypedDict):
    """Creations; those that are not for you are left out."""

    items: list[Provisioning]


class ProvisioningWish(TypedDict):
    """What shall become of a created target; ``If-Match`` has the revision that was read."""

    desired: dict[str, Any]
    """A JSON object."""
    operation_id: str


class Registered(TypedDict):
    """A compute target or datastore as it is stored."""

    config: NotRequired[dict[str, Any]]
    """A JSON object."""
    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    name: str
    """a-z, 0-9, '-' and '_'"""
    type: str
    """a-z, 0-9, '-' and '_'"""
    workspace: str


class RegisteredBody(TypedDict):
    """A compute target or datastore; ``config`` has the settings of its type, secrets as references."""

    config: NotRequired[dict[str, Any]]
    """A JSON object."""
    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    name: str
    """a-z, 0-9, '-' and '_'"""
    type: str
    """a-z, 0-9, '-' and '_'"""


class RegisteredChange(TypedDict):
    """What is changed of a compute target."""

    config: NotRequired[dict[str, Any]]
    """A JSON object."""
    type: str
    """a-z, 0-9, '-' and '_'"""


class Release(TypedDict):
    """Leases to give up."""

    owner: str
    run_ids: list[str]


class Released(TypedDict):
    """Whether the runs were deleted, or restored, in MLflow."""

    released: bool
    run_ids: list[str]


class RunIds(TypedDict):
    """Runs, of whatever workspace."""

    run_ids: list[str]


class SavedImage(TypedDict):
    """A version as its builder leaves it; ``If-Match`` has the revision that the builder read."""

    builder: str
    config: dict[str, Any]
    """A JSON object."""
    digest: NotRequired[str | None]
    error_code: NotRequired[str | None]
    location: NotRequired[str | None]
    models: NotRequired[list[dict[str, Any]]]
    owner: str
    reason: NotRequired[str | None]
    result: NotRequired[dict[str, Any]]
    """A JSON object."""
    source: NotRequired[dict[str, Any]]
    """A JSON object."""
    state: str
    tags: NotRequired[dict[str, Any]]
    """A JSON object."""
    user: NotRequired[str]


class SavedProvisioning(TypedDict):
    """A creation as its driver leaves it; ``If-Match`` has the revision that the driver read."""

    error_code: NotRequired[str | None]
    operation_id: str
    owner: str
    reason: NotRequired[str | None]
    settled: NotRequired[bool]
    state: NotRequired[str]


class SavedRun(TypedDict):
    """A run as its driver leaves it; ``If-Match`` has the version that the driver read."""

    attempt: NotRequired[int]
    config: dict[str, Any]
    """A JSON object."""
    cursors: NotRequired[dict[str, Any]]
    """A JSON object."""
    ended_at: NotRequired[float | None]
    error_code: NotRequired[str | None]
    exit_code: NotRequired[int | None]
    experiment_id: str
    experiment_name: str
    handle: NotRequired[dict[str, Any] | None]
    message: NotRequired[str]
    name: NotRequired[str | None]
    native_state: NotRequired[str]
    outcome: NotRequired[
        Literal[
            "NotStarted",
            "Preparing",
            "Queued",
            "Running",
            "CancelRequested",
            "Finalizing",
            "Completed",
            "Failed",
            "Canceled",
        ]
        | None
    ]
    owner: str
    parent_run_id: NotRequired[str | None]
    progress: NotRequired[float | None]
    reason: NotRequired[str | None]
    script: str
    snapshot_digest: NotRequired[str | None]
    source: NotRequired[dict[str, Any]]
    """A JSON object."""
    started_at: NotRequired[float | None]
    state: Literal[
        "NotStarted",
        "Preparing",
        "Queued",
        "Running",
        "CancelRequested",
        "Finalizing",
        "Completed",
        "Failed",
        "Canceled",
    ]
    """State of a run (design.md, section 2)."""
    target: str
    target_type: str
    user: NotRequired[str]


class SavedService(TypedDict):
    """A service as its driver leaves it; ``If-Match`` has the revision that the driver read."""

    deployments: NotRequired[list[dict[str, Any]]]
    endpoint: NotRequired[str | None]
    error_code: NotRequired[str | None]
    generation: NotRequired[int]
    looked_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    owner: str
    reason: NotRequired[str | None]
    service_id: str
    state: str
    tags: NotRequired[dict[str, Any]]
    """A JSON object."""
    type: str
    """a-z, 0-9, '-' and '_'"""
    user: NotRequired[str]


class ServerInfo(TypedDict):
    """What the server is and takes; limits are bytes."""

    api_version: str
    authentication: bool
    json_limit: int
    mlflow_version: str
    monitor: bool
    upload_limit: int
    user: str
    version: str


class Service(TypedDict):
    """A service as it is stored."""

    created_at: float
    """Seconds since the epoch, UTC."""
    deployments: NotRequired[list[dict[str, Any]]]
    desired: dict[str, Any]
    """A JSON object."""
    endpoint: NotRequired[str | None]
    error_code: NotRequired[str | None]
    generation: NotRequired[int]
    lease_owner: str | None
    lease_until: float | None
    looked_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    name: str
    reason: NotRequired[str | None]
    revision: int
    service_id: str
    state: str
    tags: NotRequired[dict[str, Any]]
    """A JSON object."""
    type: str
    """a-z, 0-9, '-' and '_'"""
    updated_at: float
    """Seconds since the epoch, UTC."""
    user: NotRequired[str]
    workspace: str


class ServiceList(TypedDict):
    """Services; those that are not for you are left out."""

    items: list[Service]


class Slot(TypedDict):
    """Whether the run has one of the target's slots."""

    claimed: bool


class SlotBody(TypedDict):
    """How many runs the target takes at a time."""

    limit: int


class Snapshot(TypedDict):
    """A stored snapshot."""

    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    datastore: str
    """a-z, 0-9, '-' and '_'"""
    digest: str
    files: int
    path: str
    size: int
    workspace: str


class SnapshotBody(TypedDict):
    """Where a snapshot lies."""

    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    datastore: str
    """a-z, 0-9, '-' and '_'"""
    files: int
    path: str
    size: int


class SnapshotRemoval(TypedDict):
    """Whether the snapshot went: one that a run names stays."""

    removed: bool


class Subjects(TypedDict):
    """What tasks work for, such as runs."""

    subjects: list[str]


class Task(TypedDict):
    """A long-running operation as it is stored."""

    created_at: float
    """Seconds since the epoch, UTC."""
    kind: str
    message: str
    progress: float | None
    result: dict[str, Any] | None
    state: Literal["Queued", "Running", "Completed", "Failed", "Canceled"]
    subject: str
    task_id: str
    updated_at: float
    """Seconds since the epoch, UTC."""
    workspace: str


class TaskBody(TypedDict):
    """A long-running operation; ``progress`` is 0 to 1, null where nobody knows."""

    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    event_message: NotRequired[str]
    kind: str
    message: NotRequired[str]
    progress: NotRequired[float | None]
    result: NotRequired[dict[str, Any] | None]
    state: Literal["Queued", "Running", "Completed", "Failed", "Canceled"]
    subject: str


class TaskEvent(TypedDict):
    """One line of a task's history; ``old`` and ``new`` are states, where it moved."""

    kind: str
    message: str
    new: str | None
    old: str | None
    progress: float | None
    sequence: int
    subject: str
    task_id: str
    time: float
    """Seconds since the epoch, UTC."""
    workspace: str


class TaskEventList(TypedDict):
    """Events in their order."""

    items: list[TaskEvent]


class Workspace(TypedDict):
    """
    A workspace; ``settings`` is null where none were ever written. ``role`` is yours.

    ``deletable`` says whether you may delete it, whatever lives in it.
    """

    created_at: NotRequired[float | None]
    deletable: bool
    description: NotRequired[str | None]
    name: str
    role: str
    settings: NotRequired[dict[str, Any] | None]


class WorkspaceBody(TypedDict):
    """A workspace to create; its name is 2 to 63 of a-z, 0-9 and '-'."""

    description: NotRequired[str | None]
    name: str


class WorkspaceChange(TypedDict):
    """What of a workspace changes."""

    description: str


class WorkspaceContents(TypedDict):
    """How many things live in a workspace, by what they are called, in the plural."""

    contents: dict[str, int]


class WorkspaceSettingsBody(TypedDict):
    """Settings of a workspace."""

    settings: NotRequired[dict[str, Any]]
    """A JSON object."""


class ChangedRun(TypedDict):
    """One of many runs as its driver leaves it; ``version`` is the one that it had before."""

    attempt: NotRequired[int]
    config: dict[str, Any]
    """A JSON object."""
    cursors: NotRequired[dict[str, Any]]
    """A JSON object."""
    ended_at: NotRequired[float | None]
    error_code: NotRequired[str | None]
    exit_code: NotRequired[int | None]
    experiment_id: str
    experiment_name: str
    frees_slot: NotRequired[bool]
    handle: NotRequired[dict[str, Any] | None]
    message: NotRequired[str]
    name: NotRequired[str | None]
    native_state: NotRequired[str]
    outcome: NotRequired[
        Literal[
            "NotStarted",
            "Preparing",
            "Queued",
            "Running",
            "CancelRequested",
            "Finalizing",
            "Completed",
            "Failed",
            "Canceled",
        ]
        | None
    ]
    parent_run_id: NotRequired[str | None]
    progress: NotRequired[float | None]
    reason: NotRequired[str | None]
    run_id: str
    script: str
    snapshot_digest: NotRequired[str | None]
    source: NotRequired[dict[str, Any]]
    """A JSON object."""
    started_at: NotRequired[float | None]
    state: Literal[
        "NotStarted",
        "Preparing",
        "Queued",
        "Running",
        "CancelRequested",
        "Finalizing",
        "Completed",
        "Failed",
        "Canceled",
    ]
    """State of a run (design.md, section 2)."""
    target: str
    target_type: str
    user: NotRequired[str]
    version: int


class NewRun(TypedDict):
    """A run to write down, with the lease of who is going to drive it."""

    attempt: NotRequired[int]
    config: dict[str, Any]
    """A JSON object."""
    created_at: NotRequired[float]
    """Seconds since the epoch, UTC."""
    cursors: NotRequired[dict[str, Any]]
    """A JSON object."""
    ended_at: NotRequired[float | None]
    error_code: NotRequired[str | None]
    exit_code: NotRequired[int | None]
    experiment_id: str
    experiment_name: str
    handle: NotRequired[dict[str, Any] | None]
    idempotency_key: NotRequired[str | None]
    lease_owner: NotRequired[str | None]
    lease_seconds: NotRequired[float | None]
    message: NotRequired[str]
    name: NotRequired[str | None]
    native_state: NotRequired[str]
    outcome: NotRequired[
        Literal[
            "NotStarted",
            "Preparing",
            "Queued",
            "Running",
            "CancelRequested",
            "Finalizing",
            "Completed",
            "Failed",
            "Canceled",
        ]
        | None
    ]
    parent_run_id: NotRequired[str | None]
    reason: NotRequired[str | None]
    run_id: str
    script: str
    snapshot_digest: NotRequired[str | None]
    source: NotRequired[dict[str, Any]]
    """A JSON object."""
    started_at: NotRequired[float | None]
    state: Literal[
        "NotStarted",
        "Preparing",
        "Queued",
        "Running",
        "CancelRequested",
        "Finalizing",
        "Completed",
        "Failed",
        "Canceled",
    ]
    """State of a run (design.md, section 2)."""
    target: str
    target_type: str
    user: NotRequired[str]


class PageProvisioning(TypedDict):
    items: list[Provisioning]
    next_page_token: str | None


class PageRegistered(TypedDict):
    items: list[Registered]
    next_page_token: str | None


class PageService(TypedDict):
    items: list[Service]
    next_page_token: str | None


class PageSnapshot(TypedDict):
    items: list[Snapshot]
    next_page_token: str | None


class PageTaskEvent(TypedDict):
    items: list[TaskEvent]
    next_page_token: str | None


class PageTask(TypedDict):
    items: list[Task]
    next_page_token: str | None


class PageWorkspace(TypedDict):
    items: list[Workspace]
    next_page_token: str | None


class Run(TypedDict):
    """A run as it is stored."""

    attempt: NotRequired[int]
    cancel_requested_at: float | None
    config: dict[str, Any]
    """A JSON object."""
    created_at: float
    """Seconds since the epoch, UTC."""
    cursors: NotRequired[dict[str, Any]]
    """A JSON object."""
    ended_at: NotRequired[float | None]
    error_code: NotRequired[str | None]
    exit_code: NotRequired[int | None]
    experiment_id: str
    experiment_name: str
    handle: NotRequired[dict[str, Any] | None]
    idempotency_key: str | None
    lease_owner: str | None
    lease_until: float | None
    name: NotRequired[str | None]
    native_state: NotRequired[str]
    outcome: NotRequired[
        Literal[
            "NotStarted",
            "Preparing",
            "Queued",
            "Running",
            "CancelRequested",
            "Finalizing",
            "Completed",
            "Failed",
            "Canceled",
        ]
        | None
    ]
    parent_run_id: NotRequired[str | None]
    reason: NotRequired[str | None]
    released_at: float | None
    run_id: str
    script: str
    snapshot_digest: NotRequired[str | None]
    source: NotRequired[dict[str, Any]]
    """A JSON object."""
    started_at: NotRequired[float | None]
    state: Literal[
        "NotStarted",
        "Preparing",
        "Queued",
        "Running",
        "CancelRequested",
        "Finalizing",
        "Completed",
        "Failed",
        "Canceled",
    ]
    """State of a run (design.md, section 2)."""
    target: str
    target_type: str
    updated_at: float
    """Seconds since the epoch, UTC."""
    user: NotRequired[str]
    version: int
    workspace: str


class RunList(TypedDict):
    """Runs; those that are not there, or not for you, are left out."""

    items: list[Run]


class SavedRuns(TypedDict):
    """Changes of runs of whatever workspace, those of one run in their order."""

    changes: list[ChangedRun]
    owner: str


class PageRun(TypedDict):
    items: list[Run]
    next_page_token: str | None
