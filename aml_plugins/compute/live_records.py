"""Read a job's records where asking costs a request: the less often the longer nothing came.

Most scripts log elsewhere, and couriers send what others log once a second.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aml_plugins.compute.job import LogChunk

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LiveRecords"]

_PAUSES = (0.5, 60.0)
_SHARE = 0.1
"""Of the time that nothing came, how long to wait before the next question, between those bounds."""
_KEPT = 10_000


@dataclass(slots=True)
class _Quiet:
    since: float
    until: float = 0.0


class LiveRecords:
    """What one process remembers of the jobs that it reads from; a backend keeps one."""

    def __init__(self) -> None:
        self._quiet: dict[str, _Quiet] = {}

    def read(self, key: str, cursor: str, ask: Callable[[str], LogChunk]) -> LogChunk:
        """Return whole lines since ``cursor``; none, without asking, where nothing came lately.

        :param ask: asks for what came since a cursor.
        """
        now = time.monotonic()
        quiet = self._quiet.get(key)
        if quiet is not None and now < quiet.until:
            return LogChunk(b"", cursor)
        chunk = ask(cursor)
        if chunk.data:
            self._quiet.pop(key, None)
            return chunk
        if quiet is None:
            if len(self._quiet) >= _KEPT:  # of jobs that ended long ago, mostly
                self._quiet.clear()
            quiet = self._quiet[key] = _Quiet(now)
        shortest, longest = _PAUSES
        quiet.until = now + min(longest, max(shortest, (now - quiet.since) * _SHARE))
        return chunk
