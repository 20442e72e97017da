"""A compute backend in memory, for tests of what stands around backends: drivers, hooks, operators.

It runs nothing; each job does what a :class:`FakeJob` says, by a clock. What a backend does with real scripts is tested
by ``ComputeBackendContract`` on a real target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from aml_plugins.compute import (
    ComputeBackend,
    ComputeTarget,
    JobHandle,
    JobPlan,
    JobSpec,
    JobState,
    JobStatus,
    LogChunk,
    TargetConfig,
)
from aml_plugins.errors import InvalidInputError, JobNotFoundError
from aml_plugins.testing.fake_clock import FakeClock

__all__ = ["FakeBackend", "FakeJob", "fake_target"]

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeJob:
    """What a job will do.

    :param pending: seconds until it starts; :param running: seconds from there to its end.
    :param outcome: how it ends: SUCCEEDED or FAILED.
    :param log: what it prints, all of it as soon as it starts.
    :param files: what it leaves, by path, such as ``outputs/model.bin``.
    """

    pending: float = 0.0
    running: float = 0.0
    outcome: JobState = JobState.SUCCEEDED
    exit_code: int | None = 0
    reason: str | None = None
    log: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Submitted:
    job: FakeJob
    at: float
    cancelled_at: float | None = None
    generation: int = 1


class FakeBackend(ComputeBackend):
    """Keeps the contract in memory. ``calls`` counts what was asked, ``trouble`` is raised instead of an answer.

    :param clock: decides how far jobs are; a clock of its own where none is given.
    :param job: what each job does, unless ``jobs`` says something else for its key.
    """

    type_name: ClassVar[str] = "fake"

    def __init__(self, target: ComputeTarget, *, clock: FakeClock | None = None, job: FakeJob | None = None) -> None:
        super().__init__(target)
        self.clock = clock or FakeClock()
        self.job = job or FakeJob()
        self.jobs: dict[str, FakeJob] = {}
        self.submitted: dict[str, _Submitted] = {}
        self.calls: list[str] = []
        self.trouble: Exception | None = None

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        _check(key)
        return JobPlan(
            self.type_name,
            {"key": key, "environment_variables": dict.fromkeys(sorted(spec.environment_variables), "***")},
        )

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        del spec
        self._asked("submit")
        _check(key)
        self.submitted.setdefault(key, _Submitted(self.jobs.get(key, self.job), self.clock.time()))
        return self._handle(key)

    def find(self, key: str) -> JobHandle | None:
        self._asked("find")
        return self._handle(key) if key in self.submitted else None

    def status(self, handle: JobHandle) -> JobStatus:
        self._asked("status")
        known = self._job(handle)
        return replace(self._status(known), generation=known.generation)

    def cancel(self, handle: JobHandle) -> None:
        self._asked("cancel")
        known = self.submitted.get(handle.job_id)
        if known is not None and not self._status(known).state.is_terminal:
            known.cancelled_at = self.clock.time()

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        self._asked("fetch")
        job = self._job(handle).job
        for name, content in {**job.files, "logs/std_log.txt": job.log}.items():
            path = destination / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def cleanup(self, handle: JobHandle) -> None:
        self._asked("cleanup")
        self.submitted.pop(handle.job_id, None)

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return what the job printed since ``cursor``."""
        self._asked("logs")
        known = self._job(handle)
        offset, _, generation = cursor.partition(":")
        first = int(offset) if generation == str(known.generation) else 0
        begun = self.clock.time() >= known.at + known.job.pending
        data = known.job.log[first:][:CHUNK_BYTES] if begun else b""
        return LogChunk(data, f"{first + len(data)}:{known.generation}", known.generation)

    def begin_again(self, handle: JobHandle, job: FakeJob | None = None) -> None:
        """Begin a job anew, as a target does that loses machines.

        :param job: what it does this time; by default the same.
        """
        known = self._job(handle)
        known.at, known.job, known.generation = self.clock.time(), job or known.job, known.generation + 1

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all jobs."""
        self._asked("list_jobs")
        return [self._handle(key) for key in sorted(self.submitted)]

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        if self.trouble is not None:
            raise self.trouble

    def _handle(self, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key)

    def _job(self, handle: JobHandle) -> _Submitted:
        try:
            return self.submitted[handle.job_id]
        except KeyError:
            raise JobNotFoundError(f"There is no job '{handle.job_id}' on the compute target.") from None

    def _status(self, known: _Submitted) -> JobStatus:
        job, now = known.job, self.clock.time()
        started, ended = known.at + job.pending, known.at + job.pending + job.running
        if known.cancelled_at is not None:
            return JobStatus(state=JobState.CANCELLED, native_state="cancelled", finished_at=known.cancelled_at)
        if now < started:
            return JobStatus(state=JobState.PENDING, native_state="pending")
        if now < ended:
            return JobStatus(state=JobState.RUNNING, native_state="running", started_at=started)
        return JobStatus(
            state=job.outcome,
            native_state=job.outcome.value.lower(),
            reason=job.reason,
            exit_code=job.exit_code,
            started_at=started,
            finished_at=ended,
        )


def fake_target(home: Path, name: str = "pretence") -> ComputeTarget:
    """Return a compute target for a fake backend."""
    return ComputeTarget(workspace="default", name=name, type="fake", config=TargetConfig(), home=home)


def _check(key: str) -> None:
    if not key or key.startswith(".") or "/" in key:
        raise InvalidInputError(f"'{key}' cannot be the name of a job.", "Use letters, digits and hyphens.")
