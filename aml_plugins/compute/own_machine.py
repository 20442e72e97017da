"""For backends that run jobs on the submitting machine: all but how a runner is started there."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from aml_plugins.compute.backend import ComputeBackend, ComputeTarget, TargetConfig
from aml_plugins.compute.job import JobHandle, JobPlan, JobSpec, JobStatus, LogChunk
from aml_plugins.compute.job_files import delete_directory, place_files
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.compute.sightings import Sightings
from aml_plugins.compute.states import JobState
from aml_plugins.errors import BackendError, InvalidInputError, JobNotFoundError, NotYetDoneError

__all__ = ["OwnMachineBackend", "OwnMachineConfig"]

NEVER_STARTED = "The runner did not start: its submitter was killed, or this machine was restarted."


def _processors() -> int:
    """Return how many processors this process may use: in a container, often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OwnMachineConfig(TargetConfig):
    """Everything has a default.

    :param max_parallel_runs: by default as many as there are processors.
    """

    max_parallel_runs: int | None = Field(default_factory=_processors, ge=1)
    python: str = Field(
        default_factory=lambda: sys.executable,
        min_length=1,
        description="Path of the Python that runs the runner, and scripts whose environment names no other.",
    )
    directory: Path | None = Field(
        None, description="Absolute path of the directory for jobs; below the home directory by default."
    )

    @field_validator("directory")
    @classmethod
    def _is_absolute(cls, value: Path | None) -> Path | None:
        """Each driver of a run may have another working directory."""
        if value is not None and not value.is_absolute():
            raise ValueError("must be an absolute path")
        return value


class OwnMachineBackend(ComputeBackend):
    """Each job is a directory named after its submission key; making it is what happens exactly once.

    A subclass says what command starts a runner, and starts it so that it outlives the submitter.
    """

    config_model: ClassVar[type[TargetConfig]] = OwnMachineConfig
    is_own_machine: ClassVar[bool] = True
    shares_files: ClassVar[bool] = True
    start_grace_seconds: ClassVar[float] = 60.0
    """How long a runner may take to begin before it counts as one that never will."""

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        self._sightings = Sightings()

    @abstractmethod
    def _command(self, spec: JobSpec, directory: Path) -> Sequence[str]:
        """Return what starts the runner of the job in ``directory``."""

    @abstractmethod
    def _start(self, spec: JobSpec, directory: Path, variables: Mapping[str, str]) -> None:
        """Start it, detached. Two submitters may do so: the runner's lock and its claim leave one script."""

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec)
        directory = self._path(key)
        return JobPlan(
            backend=self.type_name,
            request={
                "directory": str(directory),
                "files": sorted(spec.bundle),
                "command": list(self._command(spec, directory)),
                "environment_variables": dict.fromkeys(sorted(spec.environment_variables), "***"),
            },
        )

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec)
        self._check_python()
        directory = self._path(key)
        place_files(spec.bundle, directory)
        if not RunnerDirectory(directory).is_started:
            self._start(spec, directory, {**spec.environment_variables, "AML_JOB_KEY": key})
        return self._handle(key)

    def find(self, key: str) -> JobHandle | None:
        return self._handle(key) if self._path(key).is_dir() else None

    def status(self, handle: JobHandle) -> JobStatus:
        directory = self._directory(handle)
        seen = directory.status()
        if seen.state.is_terminal:
            return seen
        if seen.state is JobState.PENDING and not directory.is_started:
            return self._unstarted(directory, seen)
        return directory.status() if directory.bury() else seen

    def cancel(self, handle: JobHandle) -> None:
        directory = self._directory(handle)
        try:
            if directory.has_ended:
                return
            directory.ask_to_end()
            if not directory.close_unstarted(JobState.CANCELLED, "Canceled before the runner started."):
                directory.signal_runner(signal.SIGTERM)
        except (FileNotFoundError, JobNotFoundError):
            return

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        self._directory(handle).fetch(destination)

    def cleanup(self, handle: JobHandle) -> None:
        directory = self._directory(handle)
        if directory.path.is_dir():
            self._end(directory)
        delete_directory(directory.path)

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``."""
        return self._directory(handle).log(cursor)

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``."""
        return self._directory(handle).records(cursor)

    def wakers(self, handles: Iterable[JobHandle]) -> Sequence[int]:
        """Return descriptors of the runners' processes."""
        found = (self._directory(handle).waker() for handle in handles)
        return [descriptor for descriptor in found if descriptor is not None]

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all jobs on this target."""
        if not self._jobs.is_dir():
            return []
        return [self._handle(path.name) for path in sorted(self._jobs.iterdir()) if not path.name.startswith(".")]

    def check(self) -> str:
        self._check_python()
        self._jobs.mkdir(parents=True, exist_ok=True)
        if not os.access(self._jobs, os.W_OK | os.X_OK):
            raise BackendError(f"The directory {self._jobs} is not writable.", "Set the target's 'directory'.")
        free = shutil.disk_usage(self._jobs).free / 2**30
        return f"{self._config.max_parallel_runs} runs at a time, {self._config.python}, {free:.1f} GiB free"

    @property
    def _config(self) -> OwnMachineConfig:
        assert isinstance(self.target.config, OwnMachineConfig)  # noqa: S101  the core validated it against config_model
        return self.target.config

    @property
    def _jobs(self) -> Path:
        return self._config.directory or self.target.home / "jobs"

    def _path(self, key: str) -> Path:
        if not key or key.startswith(".") or "/" in key or "\0" in key:
            raise InvalidInputError(f"'{key}' cannot be the name of a job.", "Use letters, digits and hyphens.")
        return (self._jobs / key).absolute()

    def _directory(self, handle: JobHandle) -> RunnerDirectory:
        return RunnerDirectory(self._path(handle.job_id))

    def _handle(self, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key)

    def _check(self, spec: JobSpec) -> None:
        if spec.node_count != 1:
            raise InvalidInputError(
                f"The compute target '{self.target.name}' is one machine, the run asks for {spec.node_count} nodes.",
                "Set node_count to 1, or choose another compute target.",
            )
        if spec.environment.get("kind") == "docker":
            raise InvalidInputError(
                f"The compute target '{self.target.name}' runs no Docker images.",
                "Choose an environment of kind existing, pip or conda.",
            )

    def _check_python(self) -> None:
        if not os.access(self._config.python, os.X_OK) or not Path(self._config.python).is_file():
            raise BackendError(
                f"The Python '{self._config.python}' of compute target '{self.target.name}' cannot be executed.",
                "Set the target's 'python' to an interpreter that exists.",
            )

    def _unstarted(self, directory: RunnerDirectory, seen: JobStatus) -> JobStatus:
        """A starting runner takes milliseconds; give up on one only so that it can never come back."""
        if directory.is_asked_to_end:
            closed = directory.close_unstarted(JobState.CANCELLED, "Canceled before the runner started.")
        elif self._sightings.seconds(directory.path) >= self.start_grace_seconds:
            closed = directory.close_unstarted(JobState.FAILED, NEVER_STARTED)
        else:
            return seen
        return directory.status() if closed else seen

    def _end(self, directory: RunnerDirectory) -> None:
        """End whatever still runs; a job that nobody has started yet must not start any more."""
        if directory.has_ended:
            return
        directory.ask_to_end()
        directory.close_unstarted(JobState.CANCELLED, "Cleaned up before the runner started.")
        directory.signal_runner(signal.SIGKILL)
        if not directory.end_remnants() or not directory.bury():
            raise NotYetDoneError(f"The job '{directory.path.name}' is still ending.", "Clean up again later.")
