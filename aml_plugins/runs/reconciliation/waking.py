"""Sleep between two looks, but not beyond the end of a job that can be watched."""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from aml_plugins.compute.abilities import SupportsWaking
from aml_plugins.compute.job import JobHandle

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["sleep_until_news"]

logger = logging.getLogger(__name__)

SHORTEST = 0.004
"""A shorter pause is not worth asking for descriptors."""
WATCHED_SECONDS = 0.1
"""Where every job is watched and a bell rings for new runs, a look before that finds nothing new."""
TICK = 0.25
"""How soon a request to stop is noticed while descriptors are watched."""


def sleep_until_news(
    context: Context,
    runs: Iterable[RunRecord],
    seconds: float,
    stopped: Callable[[float], bool],
    bell: int | None = None,
) -> None:
    """Return after ``seconds``, or as soon as a job ends, the bell rings or ``stopped`` is true.

    :param runs: those with jobs.
    :param stopped: waits for so many seconds at most, and says whether to stop.
    :param bell: a descriptor that is readable once it rang.
    """
    with_jobs = list(runs)
    wakers = _wakers(context, with_jobs) if seconds > SHORTEST else []
    if bell is not None and wakers and len(wakers) == len(with_jobs):
        seconds = max(seconds, WATCHED_SECONDS)
    watched = wakers if bell is None else [*wakers, bell]
    try:
        if not watched:
            stopped(seconds)
            return
        _poll(watched, time.monotonic() + seconds, stopped)
    finally:
        for descriptor in wakers:
            os.close(descriptor)


def _poll(wakers: Sequence[int], until: float, stopped: Callable[[float], bool]) -> None:
    poll = select.poll()
    for descriptor in wakers:
        poll.register(descriptor, select.POLLIN)
    while not stopped(0.0):
        left = until - time.monotonic()
        if left <= 0 or poll.poll(min(left, TICK) * 1000):
            return


def _wakers(context: Context, runs: Iterable[RunRecord]) -> list[int]:
    found: list[int] = []
    by_target: dict[tuple[str, str], list[JobHandle]] = {}
    for run in runs:
        by_target.setdefault((run.workspace, run.target), []).append(JobHandle.from_dict(dict(run.handle or {})))
    for target, handles in by_target.items():
        try:
            backend = context.backends.get(*target)
            if isinstance(backend, SupportsWaking):
                found += backend.wakers(handles)
        except Exception as error:  # noqa: BLE001  only a hint: the next look says what is wrong
            logger.debug("The jobs on '%s' cannot be watched: %s", target[1], error)
    return found
