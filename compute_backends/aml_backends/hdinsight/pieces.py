"""A file that grows, as pieces that are numbered and never changed: what an agent writes while a script runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aml_plugins.compute import LogChunk

__all__ = ["Pieces"]

CHUNK_BYTES = 1 << 20


class Pieces:
    """One such file. A cursor of it is ``PIECE:BYTES``; the empty one is its beginning.

    :param read: returns a piece by its number, from 0 on; None where it is not there yet.
    """

    def __init__(self, read: Callable[[int], bytes | None]) -> None:
        self._read = read

    def since(self, cursor: str) -> LogChunk:
        """Return what has come since ``cursor``, one piece at least where there is any."""
        number, start = _parsed(cursor)
        collected = b""
        while len(collected) < CHUNK_BYTES:
            data = self._read(number)
            if data is None:
                break
            collected += data[start:]
            number, start = number + 1, 0
        return LogChunk(collected, f"{number}:{start}")

    def lines_since(self, cursor: str) -> LogChunk:
        """Return the whole lines that have come since ``cursor``: the next look begins after the last line end."""
        chunk = self.since(cursor)
        whole = chunk.data.rfind(b"\n") + 1
        if whole == len(chunk.data):
            return chunk
        return LogChunk(chunk.data[:whole], self.cursor_at(cursor, whole))

    def cursor_at(self, cursor: str, count: int) -> str:
        """Return the cursor that lies ``count`` bytes after ``cursor``."""
        number, start = _parsed(cursor)
        position = start + count
        while (data := self._read(number)) is not None and position >= len(data):
            number, position = number + 1, position - len(data)
        return f"{number}:{position}"

    def put_together(self, target: Path) -> None:
        """Write all that has come to a file of this machine."""
        cursor = ""
        with target.open("wb") as file:
            while (chunk := self.since(cursor)).data:
                file.write(chunk.data)
                cursor = chunk.cursor


def _parsed(cursor: str) -> tuple[int, int]:
    number, _, start = (cursor or "0:0").partition(":")
    return int(number), int(start or 0)
