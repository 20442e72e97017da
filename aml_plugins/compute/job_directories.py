"""For backends whose jobs are directories of this machine: their names, and how they are read and brought home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from aml_plugins.compute.backend import ComputeBackend, TargetConfig
from aml_plugins.compute.job import JobHandle, JobSpec, LogChunk
from aml_plugins.compute.job_names import check_directory_name
from aml_plugins.compute.refusing import refuse_several_nodes
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.compute.runner_results import Result, bring_results

__all__ = ["JobDirectoriesBackend", "JobDirectoriesConfig"]


def _processors() -> int:
    """Return how many processors this process may use: in a container, often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class JobDirectoriesConfig(TargetConfig):
    """Everything has a default.

    :param max_parallel_runs: by default as many as there are processors.
    """

    max_parallel_runs: int | None = Field(
        default_factory=_processors, ge=1, description="Runs at a time; as many as there are processors by default."
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


class JobDirectoriesBackend(ComputeBackend):
    """Each job has a directory named after its submission key, in which its runner keeps status, log and results."""

    is_own_machine: ClassVar[bool] = True

    def find(self, key: str) -> JobHandle | None:
        return self._handle(key) if self._path(key).is_dir() else None

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        bring_results(self.results(handle), destination)

    def results(self, handle: JobHandle) -> Iterator[Result]:
        """Return the files that :meth:`fetch` brings, where they are; they stay until :meth:`cleanup`."""
        return self._directory(handle).results()

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``."""
        return self._directory(handle).log(cursor)

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``."""
        return self._directory(handle).records(cursor)

    @cached_property
    def _jobs(self) -> Path:
        config = self.target.config
        assert isinstance(config, JobDirectoriesConfig)  # noqa: S101  the core validated it against config_model
        return (config.directory or self.target.home / "jobs").absolute()

    def _names(self) -> set[str]:
        """Return the keys of all jobs that have a directory."""
        if not self._jobs.is_dir():
            return set()
        return {path.name for path in self._jobs.iterdir() if not path.name.startswith(".")}

    def _path(self, key: str) -> Path:
        check_directory_name(key)
        return self._jobs / key

    def _directory(self, handle: JobHandle) -> RunnerDirectory:
        return RunnerDirectory(self._path(handle.job_id))

    def _handle(self, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key)

    def _check_is_one_machine(self, spec: JobSpec) -> None:
        refuse_several_nodes(spec, f"The compute target '{self.target.name}' is one machine, the run")
