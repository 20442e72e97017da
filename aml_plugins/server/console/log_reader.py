"""Read a run's log as text from a position on: from its target while it runs, from its artifacts afterwards."""

from __future__ import annotations

import codecs
import re
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from aml_plugins.compute.abilities import SupportsLogs
from aml_plugins.compute.job import JobHandle
from aml_plugins.errors import AmlError
from aml_plugins.home import home_id
from aml_plugins.runs.attempts import last_start
from aml_plugins.runs.logs import LOG_ARTIFACT
from aml_plugins.runs.states import RunState
from aml_plugins.server.console.artifact_files import HasLocalFiles

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.server.log_spool import LogSpool
    from aml_plugins.store.records import RunRecord

__all__ = ["BLOCK", "TAIL", "LogReader", "Piece", "Position"]

BLOCK = 32 * 1024
"""Bytes of one piece: a reader that is slow holds no more than this."""
TAIL = 256 * 1024
"""Bytes of a log that somebody sees who opens the page in the middle of it."""
_POSITION = re.compile(r"([0-9]{1,6})\.([0-9]{1,18})(?:\.([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where somebody has read: bytes of the log of one attempt, since its target began it last.

    :param generation: which start of the attempt's job, as :class:`~aml_plugins.compute.LogChunk` has it.
    """

    attempt: int
    offset: int
    generation: int = 0

    def __str__(self) -> str:
        return f"{self.attempt}.{self.offset}" + (f".{self.generation}" if self.generation else "")

    @classmethod
    def parse(cls, text: str | None) -> Position | None:
        """Read what ``str`` wrote; None for anything else, which comes from a stranger."""
        match = _POSITION.fullmatch(text or "")
        return cls(int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of a log, which begins at byte ``start`` and after which the reader is at ``end``."""

    start: int
    text: str
    end: Position


class LogReader:
    """One reader of one run. Any number may read a run.

    :param position: where to go on; None for the last lines of what is there, and from there on.
    """

    def __init__(self, context: Context, spool: LogSpool, position: Position | None) -> None:
        self._context = context
        self._spool = spool
        self._from_tail = position is None
        self._file: IO[bytes] | None = None
        self._ahead = b""
        self._begin(position or Position(0, 0))

    def close(self) -> None:
        """Let go of the file of a run that ended."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self, run: RunRecord) -> Piece | None:
        """Return the next piece, None where there is nothing new."""
        if run.attempt != self._attempt:
            self.close()
            self._begin(Position(run.attempt, 0))
        if not self._ahead:
            self._ahead = self._ended(run) if RunState(run.state).is_terminal else self._running(run)
            self._from_tail = False
        block, self._ahead = self._ahead[:BLOCK], self._ahead[BLOCK:]
        return self._piece(block) if block else None

    def _begin(self, position: Position) -> None:
        self._attempt, self._offset, self._generation = position.attempt, position.offset, position.generation
        self._cursor, self._reached = "", 0
        self._ahead = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def _piece(self, block: bytes) -> Piece:
        start = self._offset
        text = self._decoder.decode(block)
        self._offset += len(block)
        half = len(self._decoder.getstate()[0])  # bytes of a character whose rest has not come
        return Piece(start, text, Position(self._attempt, self._offset - half, self._generation))

    def _running(self, run: RunRecord) -> bytes:
        """Read on from the target, to its end where only the last lines are wanted."""
        kept: deque[bytes] = deque()
        while data := self._from_target(run):
            if not self._reached:  # also where the target began the job again: nothing of before is of this log
                kept.clear()
            begin = self._reached
            self._reached += len(data)
            kept.append(data[max(0, self._offset - begin) :])
            if not self._from_tail and kept[-1]:
                break
            while self._from_tail and sum(map(len, kept)) - len(kept[0]) >= TAIL:
                kept.popleft()
        found = b"".join(kept)
        return self._last_lines(found, self._reached) if self._from_tail else found

    def _from_target(self, run: RunRecord) -> bytes:
        if run.handle is None:
            return b""
        try:
            backend = self._context.backends.get(run.workspace, run.target)
            if backend.is_own_machine and run.source.get("home") != home_id(self._context.home):
                chunk = self._spool.read(run.run_id, run.attempt, self._cursor)  # on its submitter's machine
            elif not isinstance(backend, SupportsLogs):
                return b""
            else:
                chunk = backend.logs(JobHandle.from_dict(dict(run.handle)), self._cursor)
        except AmlError:  # cleaned up, not to be reached, or no longer attached: what is left comes at the run's end
            return b""
        self._follow(chunk.generation)
        self._cursor = chunk.cursor
        return chunk.data

    def _follow(self, generation: int) -> None:
        """Begin at the beginning of what the target began again."""
        if generation and self._generation and generation != self._generation:
            self._begin(Position(self._attempt, 0))
        self._generation = generation or self._generation

    def _ended(self, run: RunRecord) -> bytes:
        self._follow(last_start(run))
        if self._file is None:
            self._file = self._artifact(run)
        if self._file is None:
            return b""
        if self._from_tail:
            self._file.seek(0, 2)
            size = self._file.tell()
            self._file.seek(max(0, size - TAIL))
            return self._last_lines(self._file.read(TAIL), size)
        self._file.seek(self._offset)
        return self._file.read(BLOCK)

    def _artifact(self, run: RunRecord) -> IO[bytes] | None:
        """Open the log that came home; a copy's name is gone at once, so that nothing is left behind."""
        self._spool.forget(run.run_id, run.attempt)
        history = self._context.history(run.workspace)
        try:
            near = history.local_file(run.run_id, LOG_ARTIFACT) if isinstance(history, HasLocalFiles) else None
            if near is not None:
                return near.open("rb")
            with tempfile.TemporaryDirectory(prefix="aml-log-") as directory:
                return history.download(run.run_id, LOG_ARTIFACT, Path(directory)).open("rb")
        except (AmlError, OSError):  # the run ended before it had a log
            return None

    def _last_lines(self, data: bytes, end: int) -> bytes:
        """Cut to the tail, at the beginning of a line, and note where that is."""
        if end > TAIL:
            data = data[-TAIL:]
            data = data[data.find(b"\n") + 1 :]
        self._offset = end - len(data)
        return data
