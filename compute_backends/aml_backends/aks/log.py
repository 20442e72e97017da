"""A pod's log with a cursor. Kubernetes knows only times, in whole seconds, from which on it repeats lines."""

from __future__ import annotations

from aml_plugins.compute import LogChunk

__all__ = ["since", "take_new"]

_SECOND = len("2026-01-01T00:00:00")


def since(cursor: str) -> str | None:
    """Return the second from which on to ask for lines."""
    second = cursor.partition("|")[0]
    return f"{second}Z" if second else None


def take_new(answer: bytes, cursor: str) -> LogChunk:
    """Return the whole lines of an answer that were not there at ``cursor``, without their times.

    :param cursor: ``SECOND|COUNT``: the second of the last line seen, and how many lines of that second were.
    """
    second, _, count = cursor.partition("|")
    seen = int(count or 0)
    lines = [line for line in answer.splitlines(keepends=True) if line.endswith(b"\n")]
    same = [line for line in lines if line[:_SECOND].decode("ascii", "replace") == second]
    fresh = same[seen:] + lines[len(same) :] if second else lines
    if not fresh:
        return LogChunk(b"", cursor)
    last = fresh[-1][:_SECOND]
    of_last = sum(line[:_SECOND] == last for line in lines)
    return LogChunk(b"".join(_text(line) for line in fresh), f"{last.decode('ascii', 'replace')}|{of_last}")


def _text(line: bytes) -> bytes:
    return line.partition(b" ")[2]
