"""A run's output in the log of the trigger that waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aml_airflow.task_log import Lines
from aml_plugins.errors import AmlError
from aml_plugins.runs.reconciliation.intervals import Pause

if TYPE_CHECKING:
    from aml_airflow.watching.watch import Watch
    from aml_plugins import Workspace
    from aml_plugins.runs.logs import RunLog
    from aml_plugins.store.records import RunRecord

__all__ = ["FollowedLog"]

SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 30.0
"""Between two looks at a log that grows, and at one that is silent."""


class FollowedLog:
    """Reads a run's output as it grows, less often while it is silent.

    :param write: gets each line.
    :param shown: bytes that are in the log already; None to show nothing.
    """

    def __init__(self, watch: Watch, write: Callable[[str], object], *, shown: int | None) -> None:
        self._watch = watch
        self._lines = Lines(write)
        self._follows = shown is not None
        self._skip = shown or 0
        self._whole = shown or 0
        self._part = 0
        self._reader: RunLog | None = None
        self._pause = Pause(SHORTEST_SECONDS, LONGEST_SECONDS, growth=1.5)

    @property
    def shown(self) -> int:
        """Bytes whose lines are in the log; what has no end yet comes with the rest."""
        return self._whole

    def pause(self) -> float | None:
        """Return how long to wait until the next look."""
        return self._pause.seconds() if self._follows else None

    async def read(self, run: RunRecord) -> None:
        """Show what is new, as far as it can be read from here."""
        if not self._follows or run.handle is None:
            return
        data = await self._watch.beside(lambda workspace: self._new(workspace, run))
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        if fresh := data[skipped:]:
            self._pause.reset()
            self._take(fresh)

    def _take(self, data: bytes) -> None:
        self._lines.feed(data)
        whole = data.rfind(b"\n") + 1
        self._part = len(data) - whole if whole else self._part + len(data)
        if self._reader is not None:  # counts what is of this attempt, since its target began it last
            self._whole = self._reader.offset - self._part

    def _new(self, workspace: Workspace, run: RunRecord) -> bytes:
        from aml_plugins.runs.logs import RunLog  # noqa: PLC0415  DAG files are parsed without it

        if self._reader is None:
            self._reader = RunLog(workspace.context)
        try:
            return self._reader.new(run)
        except AmlError:
            return b""  # it comes with the rest, when the run has ended
