"""Runs jobs on Linux machines over SSH. Submitter and connection may vanish at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from aml_backends.ssh import event_loop
from aml_backends.ssh.answers import checked, missing_job, status_of
from aml_backends.ssh.config import SshConfig
from aml_backends.ssh.connection import RefusedError
from aml_backends.ssh.machine import Machine
from aml_backends.ssh.placement import Placement
from aml_backends.ssh.transfer import receive_results, send_job
from aml_backends.ssh.trust import HostKeyError
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
from aml_plugins.errors import (
    BackendError,
    JobNotFoundError,
    MissingExtraError,
    NotYetDoneError,
    TransientBackendError,
)

__all__ = ["SshBackend"]

T = TypeVar("T")


class SshBackend(ComputeBackend):
    """Each job is a directory on one of the machines, named after its submission key.

    The methods here are the contract; each hands its work to an event loop of the process (``event_loop.py``).
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
        return _run(self._submit(spec, key))

    def find(self, key: str) -> JobHandle | None:
        check_directory_name(key)
        return _run(self._find(key))

    def status(self, handle: JobHandle) -> JobStatus:
        return status_in(self.statuses([handle]), handle)

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        return _run(self._statuses(list(handles)))

    async def astatuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        return await asyncio.wrap_future(event_loop.start(_with_extra(self._statuses(list(handles)))))

    def cancel(self, handle: JobHandle) -> None:
        _run(_patient(self._cancel(handle)))

    async def acancel(self, handle: JobHandle) -> None:
        await asyncio.wrap_future(event_loop.start(_with_extra(_patient(self._cancel(handle)))))

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        _run(_patient(self._fetch(handle, destination)))

    def cleanup(self, handle: JobHandle) -> None:
        _run(_patient(self._cleanup(handle)))

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``."""
        return _run(_patient(self._tail(handle, "std_log.txt", cursor, lines=False)))

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``."""
        return _run(_patient(self._tail(handle, "records.jsonl", cursor, lines=True)))

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all jobs of this target, of all its machines."""
        return _run(self._list())

    def check(self) -> str:
        return _run(self._check_machines())

    def close(self) -> None:
        if any(machine.is_open for machine in self._machines.values()):
            event_loop.run(self._close())

    async def _submit(self, spec: JobSpec, key: str) -> JobHandle:
        machine = await self._placement.decide(key)
        answer = await machine.use(lambda session: send_job(session, key, spec.bundle, spec.environment_variables))
        checked(answer, machine.host.label, key)
        return self._handle(key, machine)

    async def _find(self, key: str) -> JobHandle | None:
        machine = await self._placement.of(key)
        if machine is None:
            return None
        found = checked(await machine.ask({"do": "find", "key": key}), machine.host.label)["found"]
        # With several machines the decision itself is something to clean up.
        return self._handle(key, machine) if found or len(self._machines) > 1 else None

    async def _statuses(self, handles: Collection[JobHandle]) -> dict[JobHandle, Seen]:
        asked: dict[str, list[JobHandle]] = {label: [] for label in self._machines}
        seen: dict[JobHandle, Seen] = {handle: missing_job(handle.job_id) for handle in handles}
        for handle in handles:
            for machine in self._candidates(handle):
                asked[machine.host.label].append(handle)
        answers = await asyncio.gather(*(self._ask_one(label, asked[label]) for label in asked if asked[label]))
        for answer in answers:
            seen |= {handle: status for handle, status in answer.items() if not isinstance(status, JobNotFoundError)}
        return seen

    async def _ask_one(self, label: str, handles: list[JobHandle]) -> dict[JobHandle, Seen]:
        """Ask one machine for all its jobs; where it cannot be reached, that is the answer for each of them."""
        keys = [handle.job_id for handle in handles]
        try:
            answer = await _patient(self._machines[label].ask({"do": "statuses", "keys": keys}))
            said = checked(answer, label)["statuses"]
        except BackendError as error:
            return dict.fromkeys(handles, error)
        return {handle: status_of(handle, status) for handle, status in zip(handles, said, strict=True)}

    async def _cancel(self, handle: JobHandle) -> None:
        for machine in self._candidates(handle):
            checked(await machine.ask({"do": "cancel", "key": handle.job_id}), machine.host.label)

    async def _fetch(self, handle: JobHandle, destination: Path) -> None:
        machine = await self._machine_of(handle)
        key = handle.job_id
        answer = await machine.use(lambda session: receive_results(session, key, destination))
        checked(answer, machine.host.label, key)

    async def _cleanup(self, handle: JobHandle) -> None:
        for machine in self._candidates(handle):
            answer = await machine.ask({"do": "cleanup", "key": handle.job_id})
            if not checked(answer, machine.host.label)["done"]:
                raise NotYetDoneError(f"The job '{handle.job_id}' is still ending.", "Clean up again later.")
        await self._placement.forget(handle.job_id)

    async def _tail(self, handle: JobHandle, name: str, cursor: str, *, lines: bool) -> LogChunk:
        machine = await self._machine_of(handle)
        message = {"do": "tail", "key": handle.job_id, "name": name, "offset": int(cursor or 0), "lines": lines}

        async def read(session: Any) -> tuple[dict[str, Any], bytes]:
            answer = await session.ask(message)
            if "error" in answer:
                return answer, b""
            data = b"".join([block async for block in session.read_raw(answer["size"])])
            await session.read()
            return answer, data

        answer, data = await machine.use(read)
        return LogChunk(data, str(checked(answer, machine.host.label, handle.job_id)["offset"]))

    async def _list(self) -> list[JobHandle]:
        machines = list(self._machines.values())
        answers = await asyncio.gather(*(machine.ask({"do": "list"}) for machine in machines))
        return [
            self._handle(key, machine)
            for machine, answer in zip(machines, answers, strict=True)
            for key in checked(answer, machine.host.label)["keys"]
        ]

    async def _check_machines(self) -> str:
        machines = list(self._machines.values())
        answers = await asyncio.gather(*(machine.ask({"do": "check"}) for machine in machines))
        return "; ".join(
            "{}: Python {python}, {processors} processors, {} GiB free, {active} jobs".format(
                machine.host.label, round(answer["free"] / 2**30), **answer
            )
            for machine, answer in zip(machines, answers, strict=True)
            if checked(answer, machine.host.label)
        )

    async def _close(self) -> None:
        await asyncio.gather(*(machine.close() for machine in self._machines.values()))

    def _handle(self, key: str, machine: Machine) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key, {"host": machine.host.label})

    def _candidates(self, handle: JobHandle) -> Collection[Machine]:
        """Return the machine that a handle names; all of them for one that names none, none for one that left."""
        label = handle.data.get("host")
        if label is None:
            return self._machines.values()
        return [self._machines[label]] if isinstance(label, str) and label in self._machines else []

    async def _machine_of(self, handle: JobHandle) -> Machine:
        candidates = list(self._candidates(handle))
        machine = candidates[0] if len(candidates) == 1 else await self._placement.of(handle.job_id)
        if machine is None:
            raise missing_job(handle.job_id)
        return machine

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


async def _patient(work: Coroutine[Any, Any, T]) -> T:
    """Take "does not let us in" as "not now" where a job is there already: its owner can repair that."""
    try:
        return await work
    except (RefusedError, HostKeyError) as error:
        raise TransientBackendError(error.what, error.fix) from None
