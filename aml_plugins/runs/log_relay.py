"""Pass on what a run prints that only this machine sees, so that the server can show it while the run goes on.

A job on the driver's own machine writes its log there; a server elsewhere cannot read it. Where the store is behind a
server, the driver sends what is new at each of its looks. The server keeps it until the run has ended and its log has
come home with the artifacts. Losing a piece loses nothing but the sight of it: the relay never fails a run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from aml_plugins.compute.abilities import SupportsLogs
from aml_plugins.compute.job import JobHandle
from aml_plugins.errors import AmlError
from aml_plugins.runs.states import RunState

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["LogRelay", "RelaysLogs", "RunLogs"]

logger = logging.getLogger(__name__)

CHUNKS = 4
"""Chunks of one run in one look: driving must not wait behind a flood of output."""


class RunLogs(Protocol):
    """Where a server takes logs of running runs."""

    def append(self, run: RunRecord, owner: str, offset: int, data: bytes, *, generation: int = 0) -> int:
        """Add bytes that begin at ``offset``, as the holder of the run's lease; return how many the server has then.

        What it has already it leaves alone, and where bytes before ``offset`` are missing it takes nothing. What it
        has of another ``generation``, an earlier start of the attempt's job, it forgets.
        """
        ...


@runtime_checkable
class RelaysLogs(Protocol):
    """A store whose server shows logs."""

    @property
    def run_logs(self) -> RunLogs: ...


@dataclass(slots=True)
class _Place:
    """How far one attempt's log was read, and how far the server has it."""

    attempt: int
    cursor: str = ""
    offset: int = 0
    known: int | None = None
    generation: int = 0


class LogRelay:
    """Remembers how far each run's log was passed on. Belongs to the driver whose leases ``owner`` holds."""

    def __init__(self, context: Context, owner: str) -> None:
        self._context = context
        self._owner = owner
        self._logs = context.store.run_logs if isinstance(context.store, RelaysLogs) else None
        self._places: dict[str, _Place] = {}

    def pass_on(self, runs: Iterable[RunRecord]) -> None:
        """Send what is new of the runs that this driver holds."""
        if self._logs is None:
            return
        for run in runs:
            if RunState(run.state).is_terminal:
                self._places.pop(run.run_id, None)
            elif run.handle is not None:
                self._one(self._logs, run)

    def _one(self, logs: RunLogs, run: RunRecord) -> None:
        place = self._places.get(run.run_id)
        if place is None or place.attempt != run.attempt:
            place = self._places[run.run_id] = _Place(run.attempt)
        try:
            self._send_new(logs, run, place)
        except AmlError as error:
            logger.debug("The log of run %s is not passed on now: %s", run.run_id, error)

    def _send_new(self, logs: RunLogs, run: RunRecord, place: _Place) -> None:
        backend = self._context.backends.get(run.workspace, run.target)
        if not backend.is_own_machine or not isinstance(backend, SupportsLogs):
            return
        for _ in range(CHUNKS):
            chunk = backend.logs(JobHandle.from_dict(dict(run.handle or {})), place.cursor)
            if not chunk.data:
                return
            if chunk.generation != place.generation:  # begun, or begun again by the target
                place.offset, place.known, place.generation = 0, None, chunk.generation
            if place.known is None:  # an earlier driver may have passed some of it on
                place.known = logs.append(run, self._owner, 0, b"", generation=place.generation)
            begin, end = place.offset, place.offset + len(chunk.data)
            if end > place.known:
                skipped = max(0, place.known - begin)
                place.known = logs.append(
                    run, self._owner, begin + skipped, chunk.data[skipped:], generation=place.generation
                )
            if place.known < end:  # the server lost what it had: from the beginning, at the next look
                self._places[run.run_id] = _Place(run.attempt, known=place.known, generation=place.generation)
                return
            place.cursor, place.offset = chunk.cursor, end
