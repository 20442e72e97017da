"""What is asked of the machines of a target, as coroutines; those that a question concerns are asked at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from aml_backends.ssh.answers import checked, missing_job, status_of
from aml_backends.ssh.connection import RefusedError
from aml_backends.ssh.machine import Machine
from aml_backends.ssh.placement import Placement
from aml_backends.ssh.transfer import receive_results, send_job
from aml_backends.ssh.trust import HostKeyError
from aml_plugins.compute import JobHandle, JobSpec, LogChunk
from aml_plugins.compute.looking import Seen
from aml_plugins.errors import BackendError, JobNotFoundError, NotYetDoneError, TransientBackendError

__all__ = ["Fleet", "patient"]

T = TypeVar("T")


class Fleet:
    """The machines of a target. Its methods are those of the contract, as coroutines.

    :param machines: by their labels.
    :param handle: makes the handle of a job from its key and the label of its machine.
    """

    def __init__(
        self, machines: Mapping[str, Machine], placement: Placement, handle: Callable[[str, str], JobHandle]
    ) -> None:
        self._machines = machines
        self._placement = placement
        self._handle = handle

    async def submit(self, spec: JobSpec, key: str) -> JobHandle:
        machine = await self._placement.decide(key)
        answer = await machine.use(lambda session: send_job(session, key, spec.bundle, spec.environment_variables))
        checked(answer, machine.host.label, key)
        return self._handle(key, machine.host.label)

    async def find(self, key: str) -> JobHandle | None:
        machine = await self._placement.of(key)
        if machine is None:
            return None
        found = checked(await machine.ask({"do": "find", "key": key}), machine.host.label)["found"]
        # With several machines the decision itself is something to clean up.
        return self._handle(key, machine.host.label) if found or len(self._machines) > 1 else None

    async def statuses(self, handles: Collection[JobHandle]) -> dict[JobHandle, Seen]:
        asked: dict[str, list[JobHandle]] = {label: [] for label in self._machines}
        seen: dict[JobHandle, Seen] = {handle: missing_job(handle.job_id) for handle in handles}
        for handle in handles:
            for machine in self._candidates(handle):
                asked[machine.host.label].append(handle)
        answers = await asyncio.gather(*(self._statuses_of(label, asked[label]) for label in asked if asked[label]))
        for answer in answers:
            seen |= {handle: status for handle, status in answer.items() if not isinstance(status, JobNotFoundError)}
        return seen

    async def cancel(self, handle: JobHandle) -> None:
        for machine in self._candidates(handle):
            checked(await machine.ask({"do": "cancel", "key": handle.job_id}), machine.host.label)

    async def fetch(self, handle: JobHandle, destination: Path) -> None:
        machine = await self._machine_of(handle)
        key = handle.job_id
        answer = await machine.use(lambda session: receive_results(session, key, destination))
        checked(answer, machine.host.label, key)

    async def cleanup(self, handle: JobHandle) -> None:
        for machine in self._candidates(handle):
            answer = await machine.ask({"do": "cleanup", "key": handle.job_id})
            if not checked(answer, machine.host.label)["done"]:
                raise NotYetDoneError(f"The job '{handle.job_id}' is still ending.", "Clean up again later.")
        await self._placement.forget(handle.job_id)

    async def tail(self, handle: JobHandle, name: str, cursor: str, *, lines: bool) -> LogChunk:
        """Return what a growing file of a job has from ``cursor`` on, which counts bytes."""
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

    async def list_jobs(self) -> list[JobHandle]:
        answers = await self._ask_all("list")
        return [self._handle(key, label) for label, answer in answers.items() for key in answer["keys"]]

    async def check(self) -> str:
        return "; ".join(
            "{}: Python {python}, {processors} processors, {} GiB free, {active} jobs".format(
                label, round(answer["free"] / 2**30), **answer
            )
            for label, answer in (await self._ask_all("check")).items()
        )

    async def close(self) -> None:
        await asyncio.gather(*(machine.close() for machine in self._machines.values()))

    async def _ask_all(self, question: str) -> dict[str, dict[str, Any]]:
        answers = await asyncio.gather(*(machine.ask({"do": question}) for machine in self._machines.values()))
        return {label: checked(answer, label) for label, answer in zip(self._machines, answers, strict=True)}

    async def _statuses_of(self, label: str, handles: list[JobHandle]) -> dict[JobHandle, Seen]:
        """Ask one machine for all its jobs; where it cannot be reached, that is the answer for each of them."""
        keys = [handle.job_id for handle in handles]
        try:
            answer = await patient(self._machines[label].ask({"do": "statuses", "keys": keys}))
            said = checked(answer, label)["statuses"]
        except BackendError as error:
            return dict.fromkeys(handles, error)
        return {handle: status_of(handle, status) for handle, status in zip(handles, said, strict=True)}

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


async def patient(work: Coroutine[Any, Any, T]) -> T:
    """Take "does not let us in" as "not now" where a job is there already: its owner can repair that."""
    try:
        return await work
    except (RefusedError, HostKeyError) as error:
        raise TransientBackendError(error.what, error.fix) from None
