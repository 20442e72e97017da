"""What the nodes of a job besides its first send: how they ended, and their logs; by rank, from 1 on.

They lie below ``jobs/KEY/nodes/RANK/``. Results, and records of what the script logged, come from the first node alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from aml_plugins.compute.job import JobStatus
from aml_plugins.compute.runner_directory import job_status
from aml_plugins.compute.staging import LOG, STATUS, Staging
from aml_plugins.compute.states import JobState

__all__ = ["KeysOfOneNode", "last_word", "log_of", "other_delivery_urls", "take_other_logs"]

_NODES = "nodes"
_MOST_KEYS = 10_000


class KeysOfOneNode:
    """Jobs of which one process knows, for it submitted them, that no other node sends anything. Only a hint."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def note(self, key: str, node_count: int) -> None:
        """Remember a job that is submitted, if it has one node."""
        if node_count == 1:
            if len(self._keys) >= _MOST_KEYS:
                self._keys.clear()
            self._keys.add(key)

    def forget(self, key: str) -> None:
        """The job is over."""
        self._keys.discard(key)


def other_delivery_urls(staging: Staging, node_count: int) -> list[dict[str, str]]:
    """Return signed URLs for each node besides the first, in the order in which it writes to them."""
    return [
        {name: staging.url(staging.path(f"{_NODES}/{rank}/{name}"), "write") for name in (LOG, STATUS)}
        for rank in range(1, node_count)
    ]


def log_of(rank: int) -> str:
    """Return where the log of a node besides the first lies among a run's results."""
    return f"logs/std_log_{rank}.txt"


def take_other_logs(staging: Staging, destination: Path) -> set[int]:
    """Bring the logs that were sent; return whose they are."""
    taken = set()
    for rank, name in _sent(staging, LOG):
        (destination / "logs").mkdir(exist_ok=True)
        staging.take(name, destination / log_of(rank))
        taken.add(rank)
    return taken


def last_word(staging: Staging) -> JobStatus | None:
    """Return how the first node ended, or the one that failed before the others did; None where nobody said so."""
    first = staging.status()
    words = {rank: staging.said(name) for rank, name in _sent(staging, STATUS)} | {0: first}
    told = {rank: job_status(said) for rank, said in words.items() if said is not None}
    failed = {rank: status for rank, status in told.items() if status.state is JobState.FAILED}
    if not failed:
        return told.get(0)
    rank = min(failed, key=lambda rank: (failed[rank].finished_at or 0.0, rank))
    status = failed[rank]
    return replace(status, reason=f"Node {rank}: {status.reason}") if len(words) > 1 else status


def _sent(staging: Staging, wanted: str) -> Iterator[tuple[int, str]]:
    for name in staging.names(_NODES):
        _, rank, found = name.split("/", 2)
        if rank.isdecimal() and found == wanted:
            yield int(rank), name
