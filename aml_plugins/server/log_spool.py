"""Logs of runs that go on where the server cannot look, as their drivers pass them on."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from aml_plugins.compute.job import LogChunk

__all__ = ["LogSpool"]

LONGEST = 64 << 20
"""Bytes of one log that are kept for showing; the rest is seen when the log comes home."""
KEPT_SECONDS = 24 * 3600.0
"""After so long without a word nobody watches any more."""
CHUNK = 1 << 20
_START = ".start"


class LogSpool:
    """One file an attempt. Several processes of one machine may share the directory.

    :param directory: made when the first log comes.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def append(self, run_id: str, attempt: int, offset: int, data: bytes, *, generation: int = 0) -> int:
        """Add what is new of ``data``, which begins at ``offset``; return how many bytes there are then.

        Where bytes before ``offset`` are missing nothing is added.

        :param generation: which start of the attempt's job the bytes are of; those of another one are forgotten.
        """
        path = self._path(run_id, attempt)
        if not path.exists():
            self._prepare()
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if generation != _generation(path):
                file.truncate(0)
                path.with_suffix(_START).write_text(str(generation))
            size = os.fstat(file.fileno()).st_size
            end = offset + len(data)
            if size >= LONGEST:
                return max(size, end)
            if offset <= size < end:
                file.write(data[size - offset :])
                return end
            return size

    def read(self, run_id: str, attempt: int, cursor: str = "") -> LogChunk:
        """Return at most a chunk from ``cursor`` on, which is ``OFFSET:START``; nothing where there is none."""
        path = self._path(run_id, attempt)
        offset, _, known = cursor.partition(":")
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                generation = _generation(path)
                first = int(offset) if known == str(generation) else 0
                file.seek(first)
                data = file.read(CHUNK)
        except FileNotFoundError:
            return LogChunk(b"", cursor)
        return LogChunk(data, f"{first + len(data)}:{generation}", generation)

    def forget(self, run_id: str, attempt: int) -> None:
        """Delete the log of a run that has ended; none is fine."""
        path = self._path(run_id, attempt)
        for one in (path, path.with_suffix(_START)):
            one.unlink(missing_ok=True)

    def _path(self, run_id: str, attempt: int) -> Path:
        # Ids come from clients; none of theirs becomes a path.
        name = hashlib.sha256(f"{attempt}/{run_id}".encode()).hexdigest()
        return self._directory / f"{name}.log"

    def _prepare(self) -> None:
        """Make the directory, and sweep out what nobody adds to any more."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        oldest = time.time() - KEPT_SECONDS
        for path in self._directory.glob("*.log"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.with_suffix(_START).unlink(missing_ok=True)
                    path.unlink()


def _generation(path: Path) -> int:
    try:
        return int(path.with_suffix(_START).read_text())
    except (FileNotFoundError, ValueError):
        return 0
