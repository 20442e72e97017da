"""What a run's page listens to: the run whenever it changed, its events, and its log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sse_starlette import ServerSentEvent

from aml_plugins.compute.backend import ComputeBackend
from aml_plugins.errors import AmlError, NotFoundError, PermissionDeniedError, StoreError
from aml_plugins.runs.states import RunState
from aml_plugins.server.console.log_reader import LogReader
from aml_plugins.server.console.run_page import event_json, run_summary

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["RunStream"]

NEAR_SECONDS, FAR_SECONDS = 0.2, 2.0
"""Pauses between two looks: at a file of this machine, at a target that has to be asked over a network."""
CHECK_SECONDS = 30.0
PIECES = 8
"""Pieces of log in one look: the run's state must not wait behind a flood of output."""


class RunStream:
    """One listener. Every look is one call of :meth:`look`, from a thread; nothing is kept between two that grows.

    :param check: raises where the listener may look no more; asked again and again while the stream goes on.
    :param log: reads from where the listener has the log already.
    """

    def __init__(
        self, context: Context, workspace: str, run_id: str, log: LogReader, check: Callable[[], None]
    ) -> None:
        self._context = context
        self._workspace, self._run_id = workspace, run_id
        self._check, self._checked = check, time.monotonic()
        self._log = log
        self._shown: dict[str, Any] | None = None
        self._sequence = 0
        self.pause = NEAR_SECONDS
        self.has_ended = False

    def close(self) -> None:
        """Let go of what the reader of the log holds."""
        self._log.close()

    def look(self) -> list[ServerSentEvent]:
        """Return what is new; sets :attr:`has_ended` with the last of it."""
        try:
            self._check_again()
            run = self._context.store.runs.get(self._workspace, self._run_id)
            return [*self._state(run), *self._pieces(run)]
        except (NotFoundError, PermissionDeniedError):
            self.has_ended = True
            return [_event("gone", {})]
        except StoreError:  # the database is away for a moment; the listener waits as everybody does
            self.pause = FAR_SECONDS
            return []

    def _check_again(self) -> None:
        now = time.monotonic()
        if now - self._checked >= CHECK_SECONDS:
            self._check()
            self._checked = now

    def _state(self, run: RunRecord) -> Iterator[ServerSentEvent]:
        summary = run_summary(run)
        if summary == self._shown:
            return
        self._shown = summary
        self.pause = self._pause_for(run)
        events = self._context.store.tasks.events(self._workspace, self._run_id, after=self._sequence)
        if events:
            self._sequence = events[-1].sequence
        yield _event("run", {"run": summary, "events": [event_json(event) for event in events]})

    def _pieces(self, run: RunRecord) -> Iterator[ServerSentEvent]:
        for _ in range(PIECES):
            piece = self._log.read(run)
            if piece is None:
                if RunState(run.state).is_terminal:
                    self.has_ended = True
                    yield _event("end", {})
                return
            value = {
                "attempt": run.attempt,
                "generation": piece.end.generation,
                "start": piece.start,
                "text": piece.text,
            }
            yield _event("log", value, str(piece.end))
        self.pause = 0.0

    def _pause_for(self, run: RunRecord) -> float:
        try:
            backend: ComputeBackend = self._context.backends.get(run.workspace, run.target)
        except AmlError:  # detached since, or of a plugin that is missing here
            return FAR_SECONDS
        return NEAR_SECONDS if backend.is_own_machine else FAR_SECONDS


def _event(kind: str, value: dict[str, Any], position: str | None = None) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(value, separators=(",", ":")), event=kind, id=position)
