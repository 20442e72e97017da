"""A job as frozen JSON values: what is asked for, what was planned, where it is, how it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aml_plugins.compute.states import JobState
from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonObject, JsonValue

__all__ = ["JobHandle", "JobPlan", "JobSpec", "JobStatus", "LogChunk"]

HANDLE_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What the core asks a backend to run.

    The backend brings the files of ``bundle`` together in one directory on the target and starts
    ``python runner.pyz DIRECTORY`` there; the runner does the rest (``runs/runner/protocol.py``).

    :param run_id: the run's id, 32 hexadecimal digits, the same in MLflow.
    :param attempt: 1 for the first try, more after a retry of a run that had ended.
    :param bundle: local files by the name they must have in the job's directory on the target:
        ``runner.pyz``, ``job.json``, ``snapshot.zip``. Read-only: link or copy, never move. Empty where a submission
        is only planned.
    :param environment: the ``environment`` section of the run configuration, in JSON; its ``kind`` says what it is. The
        runner prepares all but ``docker``, which is the target's.
    :param environment_variables: set for the script, secrets already resolved; never log them.
    :param resources: the ``resources`` section of the run configuration, in JSON.
    :param node_count: machines the script asks for.
    :param time_limit_seconds: after which the runner ends the script; None for no limit.
    :param display: short facts for the target's own user interface (workspace, experiment, run name).
    """

    workspace: str
    run_id: str
    attempt: int
    bundle: Mapping[str, Path]
    environment: JsonObject = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    resources: JsonObject = field(default_factory=dict)
    spark: JsonObject | None = None
    node_count: int = 1
    time_limit_seconds: float | None = None
    display: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The vendor request as a pure value: printable, comparable, without secrets.

    :param request: what ``submit`` would send, in JSON, secret values replaced by ``***``.
    """

    backend: str
    request: JsonObject


@dataclass(frozen=True, slots=True)
class JobHandle:
    """Where a job lives; any process can re-attach with it. Holds no secret.

    :param backend: the target type, such as ``local``.
    :param target: the compute target's name in its workspace.
    :param job_id: the job's name on the remote side, derived from the submission key.
    """

    backend: str
    target: str
    job_id: str
    data: JsonObject = field(default_factory=dict, hash=False)
    version: int = HANDLE_VERSION

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the handle as plain JSON values."""
        return {
            "backend": self.backend,
            "target": self.target,
            "job_id": self.job_id,
            "data": dict(self.data),
            "version": self.version,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> JobHandle:
        """Read what :meth:`to_dict` wrote.

        :raises InvalidInputError: for a handle that a newer version wrote.
        """
        if value.get("version") != HANDLE_VERSION:
            raise InvalidInputError(
                f"The job handle has version {value.get('version')}, this installation reads {HANDLE_VERSION}.",
                "Upgrade aml-plugins on this machine.",
            )
        return cls(**value)  # type: ignore[arg-type]  # the version says which fields there are


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """One observation of a job.

    :param native_state: the target's own word.
    :param preparing: True while the runner is at work but the script has not started (environment build).
    :param reason: one sentence for people: why it failed, what it waits for.
    :param link: the page where the target itself shows the job, such as YARN's; None where there is none.
    :param lost: whether a job that failed lost its machine or its runner (node loss, preemption, eviction, a restart),
        and did not fail by itself: such losses are retried apart.
    :param exit_code: the script's exit code once it has ended by itself; negative for a signal.
    :param environment: the environment build as the runner reports it, None where there is nothing to build:
        ``{"key", "state": "running"|"succeeded"|"failed", "message"}``.
    :param started_at: when the script started, seconds since the epoch; likewise ``finished_at``.
    :param generation: which start of the job this is, as :class:`LogChunk` has it; 0 where jobs are begun once.
    """

    state: JobState
    native_state: str = ""
    preparing: bool = False
    reason: str | None = None
    lost: bool = False
    link: str | None = None
    exit_code: int | None = None
    environment: Mapping[str, str] | None = None
    started_at: float | None = None
    finished_at: float | None = None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Bytes of a growing file since a cursor. Hand ``cursor`` back to go on; an empty chunk means "no more now".

    :param generation: which start of the job the file is of, for a target that by itself begins a job anew whose
        machine was lost: each start has another number, and none has 0. A cursor of an earlier start counts as the
        empty one: ``data`` is then from the beginning. 0 where jobs are begun once, or the start is not known now.
    """

    data: bytes
    cursor: str
    generation: int = 0
