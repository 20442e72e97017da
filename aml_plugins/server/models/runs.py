"""Runs, how they are driven, and the tasks that show it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from aml_plugins.runs.states import RunState
from aml_plugins.server.models.values import (
    Digest,
    Identifier,
    JsonMapping,
    Moment,
    Prose,
    RunId,
    Short,
    Strict,
    printable,
)

__all__ = [
    "Acquire",
    "Acquired",
    "Cancellations",
    "ChangedRun",
    "Delivered",
    "NewRun",
    "Release",
    "Released",
    "Run",
    "RunIds",
    "RunList",
    "SavedRun",
    "SavedRuns",
    "Subjects",
    "Task",
    "TaskBody",
    "TaskEvent",
    "TaskEventList",
]

SUBJECTS_AT_ONCE = 1000
Owner = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(printable)]
Key = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(printable)]
Ids = Annotated[list[Identifier], Field(max_length=SUBJECTS_AT_ONCE)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
TaskState = Literal["Queued", "Running", "Completed", "Failed", "Canceled"]


class _Execution(Strict):
    """What a driver writes; ``version`` and lease are the server's."""

    experiment_id: Short
    experiment_name: Prose
    target: Identifier
    target_type: Identifier
    state: RunState
    script: Prose
    config: JsonMapping
    source: JsonMapping = Field(default_factory=dict)
    name: Prose | None = None
    parent_run_id: Short | None = None
    snapshot_digest: Digest | None = None
    attempt: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    handle: JsonMapping | None = None
    cursors: JsonMapping = Field(default_factory=dict)
    native_state: Prose = ""
    reason: Prose | None = None
    error_code: Short | None = None
    exit_code: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    outcome: RunState | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    user: Prose = ""


class NewRun(_Execution):
    """A run to write down, with the lease of who is going to drive it."""

    run_id: RunId
    idempotency_key: Key | None = None
    created_at: Moment = 0.0
    lease_owner: Owner | None = None
    lease_seconds: Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)] | None = None
    message: Prose = ""


class SavedRun(_Execution):
    """A run as its driver leaves it; ``If-Match`` has the version that the driver read."""

    owner: Owner
    message: Prose = ""
    progress: Fraction | None = None


class ChangedRun(_Execution):
    """One of many runs as its driver leaves it; ``version`` is the one that it had before."""

    run_id: RunId
    version: Annotated[int, Field(ge=0, le=2**31 - 1)]
    message: Prose = ""
    progress: Fraction | None = None
    frees_slot: bool = False


class SavedRuns(Strict):
    """Changes of runs of whatever workspace, those of one run in their order."""

    owner: Owner
    changes: Annotated[list[ChangedRun], Field(max_length=SUBJECTS_AT_ONCE)]


class Run(_Execution):
    """A run as it is stored."""

    workspace: str
    run_id: RunId
    idempotency_key: str | None
    cancel_requested_at: Moment | None
    released_at: Moment | None
    created_at: Moment
    updated_at: Moment
    version: int
    lease_owner: str | None
    lease_until: float | None


class RunIds(Strict):
    """Runs, of whatever workspace."""

    run_ids: Ids


class RunList(Strict):
    """Runs; those that are not there, or not for you, are left out."""

    items: list[Run]


class Acquire(RunIds):
    """Leases to take or renew."""

    owner: Owner
    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Acquired(Strict):
    """The runs whose leases are held now."""

    held: list[str]


class Release(RunIds):
    """Leases to give up."""

    owner: Owner


class Released(RunIds):
    """Whether the runs were deleted, or restored, in MLflow."""

    released: bool


class Cancellations(Strict):
    """When runs were asked to end, by run."""

    cancellations: dict[str, Moment]


class TaskBody(Strict):
    """A long-running operation; ``progress`` is 0 to 1, null where nobody knows."""

    kind: Identifier
    subject: Identifier
    state: TaskState
    progress: Fraction | None = None
    message: Prose = ""
    result: JsonMapping | None = None
    created_at: Moment = 0.0
    event_message: Prose = ""


class Task(Strict):
    """A long-running operation as it is stored."""

    workspace: str
    task_id: str
    kind: str
    subject: str
    state: TaskState
    progress: float | None
    message: str
    result: JsonMapping | None
    created_at: Moment
    updated_at: Moment


class TaskEvent(Strict):
    """One line of a task's history; ``old`` and ``new`` are states, where it moved."""

    workspace: str
    task_id: str
    kind: str
    subject: str
    sequence: int
    time: Moment
    old: str | None
    new: str | None
    progress: float | None
    message: str


class Subjects(Strict):
    """What tasks work for, such as runs."""

    subjects: Ids


class TaskEventList(Strict):
    """Events in their order."""

    items: list[TaskEvent]


class Delivered(Subjects):
    """Events that were handed to the event hooks."""

    sequences: Annotated[list[Annotated[int, Field(ge=0, le=2**63 - 1)]], Field(max_length=100_000)]
