"""A pod's log with a cursor. Kubernetes can be asked for the last seconds only, and repeats what it said of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

from aml_plugins.compute import LogChunk

__all__ = ["look_back", "take_new"]

CHUNK_BYTES = 1 << 20
SLACK_SECONDS = 60
"""How far the cluster's clock may be from ours; lines that were seen are dropped again."""


def look_back(cursor: str) -> int | None:
    """Return how many seconds of the log to ask for, None for all of it."""
    if not cursor:
        return None
    last = datetime.fromisoformat(_padded(cursor.partition("|")[0])).timestamp()
    return max(1, int(time.time() - last)) + SLACK_SECONDS


def take_new(lines: Iterable[bytes], cursor: str) -> LogChunk:
    """Return the whole lines that come after ``cursor``, without their times, up to the size of a chunk.

    :param cursor: ``TIME|COUNT``: the time of the last line seen, and how many lines of that very time were.
    """
    last, _, count = cursor.partition("|")
    seen, same, size = int(count or 0), 0, 0
    data: list[bytes] = []
    for line in lines:
        moment, _, text = line.partition(b" ")
        if not line.endswith(b"\n") or (data and size + len(text) > CHUNK_BYTES):
            break
        stamp = _padded(moment.decode("ascii", "replace"))
        if last and stamp < last:
            continue
        same = same + 1 if stamp == last else 1
        if stamp != last or same > seen:
            data.append(text)
            seen, size = same, size + len(text)
        last = stamp
    return LogChunk(b"".join(data), f"{last}|{seen}" if last else "")


def _padded(moment: str) -> str:
    """Return a time whose fraction has all nine digits: the order of texts is then the order of times."""
    whole, _, fraction = moment.rstrip("Z").partition(".")
    return f"{whole}.{fraction:0<9}Z"
