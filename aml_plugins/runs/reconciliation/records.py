"""Replay what a script logged through the Azure ML v1 API into MLflow, while it runs and once more at its end."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.runs.records import RecordReplay

if TYPE_CHECKING:
    from aml_plugins.compute.abilities import SupportsRecords
    from aml_plugins.compute.job import JobHandle
    from aml_plugins.runs.reconciliation.step import Step
    from aml_plugins.store.records import RunRecord

__all__ = ["RecordFeed", "feed_of"]

logger = logging.getLogger(__name__)


class RecordFeed:
    """How far one attempt's records were replayed. A new driver begins again: replaying twice changes nothing."""

    def __init__(self, replay: RecordReplay) -> None:
        self._replay = replay
        self._cursor = ""
        self._offset = 0

    def pull(self, backend: SupportsRecords, handle: JobHandle) -> None:
        """Replay what is new since the last pull."""
        chunk = backend.records(handle, self._cursor)
        if chunk.data:
            self._apply(chunk.data)
        self._cursor = chunk.cursor

    def finish(self, results: Path) -> None:
        """Replay the rest, from the file that came home."""
        path = results / "records.jsonl"
        if not path.is_file():
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            while data := _whole_lines(file.read(1 << 20), file.readline()):
                self._apply(data)

    def _apply(self, data: bytes) -> None:
        self._offset += len(data)
        for problem in self._replay.apply(data):
            logger.warning("A record of the script was left out: %s", problem)


def feed_of(step: Step, run: RunRecord, uploads: Path | None = None) -> RecordFeed:
    """Return the run's feed, begun where this driver has none; with ``uploads`` always a fresh one."""
    key = f"{run.run_id}-{run.attempt}"
    if uploads is not None or key not in step.feeds:
        replay = RecordReplay(step.history(run), run.run_id, run.experiment_id, uploads)
        step.feeds[key] = RecordFeed(replay)
    return step.feeds[key]


def _whole_lines(block: bytes, rest_of_line: bytes) -> bytes:
    return block + rest_of_line
