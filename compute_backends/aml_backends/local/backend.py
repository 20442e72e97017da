"""Runs jobs on this machine. The submitter may end, or be killed, at any moment."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from aml_backends.local.config import LocalConfig
from aml_backends.local.launching import Launcher
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
from aml_plugins.compute.detached import start_detached
from aml_plugins.compute.job_files import delete_directory, place_files
from aml_plugins.compute.runner_bundle import runner_command
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.errors import BackendError, InvalidInputError, JobNotFoundError, NotYetDoneError

__all__ = ["LocalBackend"]

START_GRACE_SECONDS = 60.0
NEVER_STARTED = "The runner did not start: its submitter was killed, or this machine was restarted."


class LocalBackend(ComputeBackend):
    """Each job is a directory named after its submission key; making it is what happens exactly once."""

    type_name: ClassVar[str] = "local"
    config_model: ClassVar[type[TargetConfig]] = LocalConfig
    is_own_machine: ClassVar[bool] = True
    shares_files: ClassVar[bool] = True

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        self._launcher = Launcher(target.home)

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec)
        directory = self._path(key)
        return JobPlan(
            backend=self.type_name,
            request={
                "directory": str(directory),
                "files": sorted(spec.bundle),
                "command": list(runner_command(self._config.python, directory / "runner.pyz", directory)),
                "environment_variables": dict.fromkeys(sorted(spec.environment_variables), "***"),
            },
        )

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec)
        self._check_python()
        directory = self._path(key)
        place_files(spec.bundle, directory)
        if not RunnerDirectory(directory).is_started:
            # Two submitters may both get here: the runner's lock and its claim leave one script.
            self._start(spec.bundle["runner.pyz"], directory, {**spec.environment_variables, "AML_JOB_KEY": key})
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

    def close(self) -> None:
        self._launcher.close()

    def _start(self, runner: Path, directory: Path, variables: Mapping[str, str]) -> None:
        python = self._config.python
        if not self._launcher.start(python, runner, directory, variables):
            start_detached(runner_command(python, directory / "runner.pyz", directory), directory, variables)

    @property
    def _config(self) -> LocalConfig:
        assert isinstance(self.target.config, LocalConfig)  # noqa: S101  the core validated it against config_model
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
        if spec.spark is not None:
            raise InvalidInputError(
                f"The compute target '{self.target.name}' runs Python scripts, not Spark.",
                "Remove the 'spark' section, or choose a Spark target.",
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
        elif _age(directory.path) > START_GRACE_SECONDS:
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


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
