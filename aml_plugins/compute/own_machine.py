"""For backends that run jobs on the submitting machine: all but how a runner is started there."""

from __future__ import annotations

import os
import signal
import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from aml_plugins.compute.backend import ComputeTarget, TargetConfig
from aml_plugins.compute.job import JobHandle, JobPlan, JobSpec, JobStatus
from aml_plugins.compute.job_directories import JobDirectoriesBackend, JobDirectoriesConfig
from aml_plugins.compute.job_files import delete_directory, place_files
from aml_plugins.compute.refusing import refuse_image
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.compute.sightings import Sightings
from aml_plugins.compute.states import JobState
from aml_plugins.errors import BackendError, JobNotFoundError, NotYetDoneError

__all__ = ["OwnMachineBackend", "OwnMachineConfig"]

NEVER_STARTED = "The runner did not start: its submitter was killed, or this machine was restarted."


class OwnMachineConfig(JobDirectoriesConfig):
    """Everything has a default."""

    python: str = Field(
        default_factory=lambda: sys.executable,
        min_length=1,
        description="Path of the Python that runs the runner, and scripts whose environment names no other.",
    )


class OwnMachineBackend(JobDirectoriesBackend):
    """A job is its directory; making that is what happens exactly once.

    A subclass says what command starts a runner, and starts it so that it outlives the submitter.
    """

    config_model: ClassVar[type[TargetConfig]] = OwnMachineConfig
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

    def cleanup(self, handle: JobHandle) -> None:
        directory = self._directory(handle)
        if directory.path.is_dir():
            self._end(directory)
        delete_directory(directory.path)

    def wakers(self, handles: Iterable[JobHandle]) -> Sequence[int]:
        """Return descriptors of the runners' processes."""
        found = (self._directory(handle).waker() for handle in handles)
        return [descriptor for descriptor in found if descriptor is not None]

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all jobs on this target."""
        return [self._handle(name) for name in sorted(self._names())]

    def check(self) -> str:
        self._check_python()
        self._jobs.mkdir(parents=True, exist_ok=True)
        if not os.access(self._jobs, os.W_OK | os.X_OK):
            raise BackendError(f"The directory {self._jobs} is not writable.", "Set the target's 'directory'.")
        import shutil  # noqa: PLC0415  for aml doctor only

        free = shutil.disk_usage(self._jobs).free / 2**30
        return f"{self._config.max_parallel_runs} runs at a time, {self._config.python}, {free:.1f} GiB free"

    @property
    def _config(self) -> OwnMachineConfig:
        assert isinstance(self.target.config, OwnMachineConfig)  # noqa: S101  the core validated it against config_model
        return self.target.config

    def _check(self, spec: JobSpec) -> None:
        self._check_is_one_machine(spec)
        refuse_image(spec, self.target.name)

    def _check_python(self) -> None:
        python = self._config.python
        if not os.access(python, os.X_OK) or not os.path.isfile(python):  # noqa: PTH113  asked for each run
            raise BackendError(
                f"The Python '{python}' of compute target '{self.target.name}' cannot be executed.",
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
