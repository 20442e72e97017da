"""Which machine of several a job is on: decided once, on one machine that follows from the key.

That machine keeps the decision in a file that can be made only once, so two submitters that see different machines free
still end up on the same one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress

from aml_backends.ssh.machine import Machine
from aml_plugins.errors import BackendError, TransientBackendError

__all__ = ["Placement"]


class Placement:
    """The machines of a target."""

    def __init__(self, machines: Sequence[Machine], slots: int) -> None:
        self._machines = {machine.host.label: machine for machine in machines}
        self._slots = slots

    async def of(self, key: str) -> Machine | None:
        """Return the machine that a job was given to, None where it was given to none yet."""
        if len(self._machines) == 1:
            return next(iter(self._machines.values()))
        answer = await self._keeper(key).ask({"do": "place", "key": key})
        return self._machines.get(answer["host"] or "")

    async def decide(self, key: str) -> Machine:
        """Return the machine that a job was given to; give it to the one with the most room where nobody did.

        :raises TransientBackendError: where no machine can be reached now, or the one that keeps the decision.
        """
        known = await self.of(key)
        if known is not None:
            return known
        roomy = await self._roomiest(key)
        answer = await self._keeper(key).ask({"do": "place", "key": key, "host": roomy.host.label})
        decided = self._machines[answer["host"]]
        if decided is not roomy:  # another submitter of this job was quicker
            await self._give_up(roomy, key)
        return decided

    async def _give_up(self, machine: Machine, key: str) -> None:
        """Let others have the slot at once; it is free after a while in any case."""
        with suppress(BackendError):
            await machine.ask({"do": "unreserve", "key": key})

    async def forget(self, key: str) -> None:
        """Delete the decision, once the job is gone."""
        if len(self._machines) > 1:
            await self._keeper(key).ask({"do": "unplace", "key": key})

    def _keeper(self, key: str) -> Machine:
        return self._ranked(key)[0]

    def _ranked(self, key: str) -> list[Machine]:
        """Return the machines in an order of the key's own; taking one away leaves the order of the others."""
        return [
            self._machines[label]
            for label in sorted(self._machines, key=lambda label: hashlib.sha256(f"{key} {label}".encode()).digest())
        ]

    async def _roomiest(self, key: str) -> Machine:
        ranked = self._ranked(key)
        loads = await asyncio.gather(*(machine.ask({"do": "load"}) for machine in ranked), return_exceptions=True)
        room = [
            (load["active"] >= self._slots, load["active"], index)
            for index, load in enumerate(loads)
            if not isinstance(load, BaseException)
        ]
        for *_, index in sorted(room):  # what was free a moment ago may be somebody else's now
            answer = await ranked[index].ask({"do": "reserve", "key": key, "slots": self._slots})
            if answer.get("reserved"):
                return ranked[index]
        if room:
            return ranked[min(room)[2]]
        trouble = next(load for load in loads if isinstance(load, BaseException))
        if isinstance(trouble, BackendError):
            raise trouble
        raise TransientBackendError(f"No machine of the target answers: {trouble}")
