"""Read what couriers sent of a job's records, the less often the longer nothing came: most scripts log elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aml_plugins.compute.job import LogChunk

if TYPE_CHECKING:
    from aml_plugins.compute.staging import Staging

__all__ = ["LiveRecords"]

_LONGEST_PAUSE = 60.0
_SHARE = 0.1
"""Of the time that nothing came, how long to wait before the next question."""
_KEPT = 10_000


@dataclass(slots=True)
class _Quiet:
    since: float
    until: float = 0.0


class LiveRecords:
    """What one process remembers of the jobs that it reads from; a backend keeps one."""

    def __init__(self) -> None:
        self._quiet: dict[str, _Quiet] = {}

    def read(self, staging: Staging, key: str, cursor: str) -> LogChunk:
        """Return whole lines since ``cursor``; none, without asking, where nothing came lately."""
        now = time.monotonic()
        quiet = self._quiet.get(key)
        if quiet is not None and now < quiet.until:
            return LogChunk(b"", cursor)
        chunk = staging.records(cursor)
        if chunk.data:
            self._quiet.pop(key, None)
            return chunk
        if quiet is None:
            if len(self._quiet) >= _KEPT:  # of jobs that ended long ago, mostly
                self._quiet.clear()
            quiet = self._quiet[key] = _Quiet(now)
        quiet.until = now + min(_LONGEST_PAUSE, (now - quiet.since) * _SHARE)
        return chunk
