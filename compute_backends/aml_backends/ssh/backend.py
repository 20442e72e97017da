"""Runs jobs on Linux machines over SSH. Submitter and connection may vanish at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from aml_backends.ssh import event_loop
from aml_backends.ssh.config import SshConfig
from aml_backends.ssh.fleet import Fleet, patient
from aml_backends.ssh.machine import Machine
from aml_backends.ssh.placement import Placement
from aml_plugins.compute import (
    ComputeBackend,
    ComputeTarget,
    JobHandle,
    JobPlan,
    JobSpec,
    JobStatus,
    LogChunk,
    TargetConfig,
)
from aml_plugins.compute.job_names import check_directory_name
from aml_plugins.compute.looking import Seen, status_in
from aml_plugins.compute.refusing import refuse_image, refuse_several_nodes, refuse_spark
from aml_plugins.errors import MissingExtraError

__all__ = ["SshBackend"]

T = TypeVar("T")


class SshBackend(ComputeBackend):
    """Each job is a directory on one of the machines, named after its submission key.

    The methods here are the contract; each hands its work (``fleet.py``) to an event loop of the process
    (``event_loop.py``).
    """

    type_name: ClassVar[str] = "ssh"
    config_model: ClassVar[type[TargetConfig]] = SshConfig

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        assert isinstance(target.config, SshConfig)  # noqa: S101  the core validated it against config_model
        self._config = target.config
        scope = f"{target.workspace}/{target.name}"
        self._machines = {host.label: Machine(self._config, host, scope, target.secret) for host in self._config.hosts}
        self._placement = Placement(tuple(self._machines.values()), self._config.slots)
        self._fleet = Fleet(self._machines, self._placement, self._handle)

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec, key)
        return JobPlan(
            backend=self.type_name,
            request={
                "hosts": list(self._machines),
                "directory": f"{self._config.directory}/jobs/{self.target.workspace}/{self.target.name}/{key}",
                "files": sorted(spec.bundle),
                "python": self._config.python,
                "environment_variables": dict.fromkeys(sorted(spec.environment_variables), "***"),
            },
        )

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec, key)
        return _run(self._fleet.submit(spec, key))

    def find(self, key: str) -> JobHandle | None:
        check_directory_name(key)
        return _run(self._fleet.find(key))

    def status(self, handle: JobHandle) -> JobStatus:
        return status_in(self.statuses([handle]), handle)

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        return _run(self._fleet.statuses(list(handles)))

    async def astatuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        return await asyncio.wrap_future(event_loop.start(_with_extra(self._fleet.statuses(list(handles)))))

    def cancel(self, handle: JobHandle) -> None:
        _run(patient(self._fleet.cancel(handle)))

    async def acancel(self, handle: JobHandle) -> None:
        await asyncio.wrap_future(event_loop.start(_with_extra(patient(self._fleet.cancel(handle)))))

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        _run(patient(self._fleet.fetch(handle, destination)))

    def cleanup(self, handle: JobHandle) -> None:
        _run(patient(self._fleet.cleanup(handle)))

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``."""
        return _run(patient(self._fleet.tail(handle, "std_log.txt", cursor, lines=False)))

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``."""
        return _run(patient(self._fleet.tail(handle, "records.jsonl", cursor, lines=True)))

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all jobs of this target, of all its machines."""
        return _run(self._fleet.list_jobs())

    def check(self) -> str:
        return _run(self._fleet.check())

    def close(self) -> None:
        if any(machine.is_open for machine in self._machines.values()):
            event_loop.run(self._fleet.close())

    def _handle(self, key: str, label: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key, {"host": label})

    def _check(self, spec: JobSpec, key: str) -> None:
        check_directory_name(key)
        name = self.target.name
        refuse_several_nodes(spec, f"The compute target '{name}' runs a script on one machine, the run")
        refuse_image(spec, name)
        refuse_spark(spec, name)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return event_loop.run(_with_extra(work))


async def _with_extra(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except ImportError as error:
        if error.name == "asyncssh":
            raise MissingExtraError("The compute target type 'ssh'", "ssh") from error
        raise
