"""What all parts of the kit stand on: the fixtures, and what an author may say about the target."""

from __future__ import annotations

import contextlib
import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.compute import ComputeBackend, JobHandle, JobState, SupportsLogs
from aml_plugins.compute.runner_directory import job_status
from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.jobs import clean_up, is_running, make_job, wait_until

__all__ = ["ContractBase", "Start", "fetched"]

Start = Callable[..., JobHandle]


class ContractBase:
    """Inherit :class:`~aml_plugins.testing.ComputeBackendContract`, not this."""

    factory_module: str
    """The module that has the backend's class."""
    sdk_modules: Sequence[str] = ()
    """Packages that the backend uses, and that importing it must not load, such as ``azure``."""
    patience: float = 120.0
    """Seconds that a job may take from submission to its end."""
    many: int = 1000
    """How many jobs are asked about in one call."""

    @pytest.fixture
    @abstractmethod
    def backend(self) -> Iterator[ComputeBackend]:
        """Yield a backend on a target that is ready."""
        raise NotImplementedError

    def job_state(self, native_state: str) -> JobState:
        """Return what the backend makes of a word of its target; override where a service has words of its own."""
        return job_status({"state": native_state}).state

    def remaining_processes(self, key: str) -> Sequence[int]:
        """Return the processes of a job that live; override where the target is another machine."""
        return processes_of_job(key)

    @pytest.fixture
    def key(self, backend: ComputeBackend) -> Iterator[str]:
        """A submission key; what was submitted under it is gone after the test."""
        key = f"aml-{uuid.uuid4().hex}-1"
        yield key
        handle = backend.find(key)
        if handle is not None:
            clean_up(backend, handle, self.patience)
        # A runner that was just starting sees that its job is gone, and ends by itself.
        wait_until(lambda: not self.remaining_processes(key), self.patience)

    @pytest.fixture
    def another(self, backend: ComputeBackend) -> Iterator[ComputeBackend]:
        """The backend as another process has it: made anew from the same target."""
        other = type(backend)(backend.target)
        yield other
        with contextlib.suppress(Exception):
            other.close()

    @pytest.fixture
    def start(self, backend: ComputeBackend, key: str, tmp_path: Path) -> Start:
        """Submit a script under ``key``; with ``until_running``, wait until it runs and, where logs show, speaks."""

        def start(program: str, *, until_running: bool = False, **job: Any) -> JobHandle:
            handle = backend.submit(make_job(tmp_path, key, program, **job), key)
            if until_running:
                wait_until(lambda: is_running(backend, handle), self.patience)
                if isinstance(backend, SupportsLogs):
                    wait_until(lambda: bool(backend.logs(handle).data), self.patience)
            return handle

        return start

    def missing(self, backend: ComputeBackend) -> JobHandle:
        """Return the handle of a job that never was."""
        return JobHandle(backend.type_name, backend.target.name, f"aml-{uuid.uuid4().hex}-1")


def fetched(backend: ComputeBackend, handle: JobHandle, tmp_path: Path) -> Path:
    """Bring a job's results into a fresh directory."""
    results = tmp_path / f"results-{uuid.uuid4().hex}"
    results.mkdir()
    backend.fetch(handle, results)
    return results
