"""Hide known values in a stream of bytes. What is hidden keeps its length, so that offsets into a log stay true."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO

__all__ = ["SHORTEST", "Mask", "mask_file"]

SHORTEST = 6
"""Shorter values are too common in any text: hiding them would make logs unreadable and betray them at once."""

BLOCK = 1 << 20


class Mask:
    """Replaces each of some values by stars; a value may come in several pieces.

    :param values: of secrets; those that are too short are left out.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._values = sorted({value.encode() for value in values if len(value) >= SHORTEST}, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._values))) if self._values else None
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return what can be shown by now; the beginning of what may be a value waits for its end."""
        if self._pattern is None:
            return data
        masked = self._pattern.sub(_stars, self._held + data)
        keep = self._undecided(masked)
        self._held = masked[len(masked) - keep :]
        return masked[: len(masked) - keep]

    def rest(self) -> bytes:
        """Return what waited in vain."""
        held, self._held = self._held, b""
        return held

    def text(self, text: str) -> str:
        """Return a whole text with the values hidden."""
        if self._pattern is None:
            return text
        return self._pattern.sub(_stars, text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def __bool__(self) -> bool:
        return self._pattern is not None

    def _undecided(self, data: bytes) -> int:
        """Return the length of the longest end that some value begins with."""
        longest = min(len(data), len(self._values[0]) - 1)
        ends = (data[len(data) - size :] for size in range(longest, 0, -1))
        return next((len(end) for end in ends if any(value.startswith(end) for value in self._values)), 0)


def mask_file(path: Path, mask: Mask) -> None:
    """Replace a file by one without the values. It may be a link to somebody else's, which stays as it is."""
    part = path.with_name(f".{path.name}.masked")
    try:
        with path.open("rb") as reading, part.open("wb") as writing:
            _copy(reading, writing, mask)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _copy(reading: IO[bytes], writing: IO[bytes], mask: Mask) -> None:
    while data := reading.read(BLOCK):
        writing.write(mask.feed(data))
    writing.write(mask.rest())


def _stars(match: re.Match[bytes]) -> bytes:
    return b"*" * len(match[0])
