"""Bring a script's output into the task's log, line by line."""

from __future__ import annotations

import codecs
from collections.abc import Callable

__all__ = ["Lines"]

LONGEST_LINE = 10_000
"""Characters; a script that never ends its line (a progress bar) must not fill the worker's memory."""


class Lines:
    """Cut a stream of bytes into lines.

    :param write: gets each line without its end.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> None:
        """Take the next bytes; a character may be split between two calls."""
        *lines, rest = (self._rest + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._write(line.removesuffix("\r"))
        while len(rest) > LONGEST_LINE:
            self._write(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._rest = rest

    def close(self) -> None:
        """Write the last line, which had no end."""
        rest = self._rest + self._decoder.decode(b"", final=True)
        if rest:
            self._write(rest)
        self._rest = ""
