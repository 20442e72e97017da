"""Sleep between two looks, but not beyond the end of a job that can be watched.

What tells of a job's end stays open from one sleep to the next: finding it takes as long as looking at the job does.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from aml_plugins.compute.abilities import SupportsWaking
from aml_plugins.compute.job import JobHandle

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["WATCHED_SECONDS", "Sleep"]

logger = logging.getLogger(__name__)

SHORTEST = 0.004
"""A shorter pause is not worth asking for descriptors."""
WATCHED_SECONDS = 0.1
"""Of a job that is watched, a look sooner after the last one finds nothing new."""
TICK = 0.25
"""How soon a request to stop is noticed while descriptors are watched."""


class Sleep:
    """The sleeps of one driver, and the descriptors that end them. Not for several threads at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wakers: dict[str, tuple[int, Sequence[int]]] = {}  # by run: its attempt, and what ends with its job

    def __del__(self) -> None:
        """Close what is open: a driver may be dropped with runs that others go on with."""
        self.forget(list(self._wakers))

    def until_news(
        self, runs: Iterable[RunRecord], seconds: float, stopped: Callable[[float], bool], bell: int | None = None
    ) -> None:
        """Return after ``seconds``, or as soon as a job ends, the bell rings or ``stopped`` is true.

        :param runs: those with jobs.
        :param stopped: waits for so many seconds at most, and says whether to stop.
        :param bell: a descriptor that is readable once it rang.
        """
        with_jobs = {run.run_id: run for run in runs}
        if seconds > SHORTEST:
            self._watch(with_jobs)
        if bell is not None and with_jobs and with_jobs.keys() == self._wakers.keys():
            seconds = max(seconds, WATCHED_SECONDS)
        watched = self._watched() if bell is None else [*self._watched(), bell]
        if not watched:
            stopped(seconds)
            return
        self._ended(_poll(watched, time.monotonic() + seconds, stopped))

    def note_ends(self) -> None:
        """Forget what has told of its job's end; waits for nothing."""
        watched = self._watched()
        if watched:
            self._ended(_news(watched, 0.0))

    def watches(self, run: RunRecord) -> bool:
        """Say whether the end of a run's job would have been told by now."""
        return self._wakers.get(run.run_id, (0, ()))[0] == run.attempt

    def forget(self, run_ids: Iterable[str]) -> None:
        """Watch the jobs of these runs no more."""
        for run_id in run_ids:
            for waker in self._wakers.pop(run_id, (0, ()))[1]:
                os.close(waker)

    def _watched(self) -> Sequence[int]:
        return [waker for _, wakers in self._wakers.values() for waker in wakers]

    def _watch(self, runs: Mapping[str, RunRecord]) -> None:
        """Have what ends with the present jobs of these runs, and nothing else."""
        attempts = {run_id: run.attempt for run_id, run in runs.items()}
        self.forget([run_id for run_id, (attempt, _) in self._wakers.items() if attempts.get(run_id) != attempt])
        for run_id in attempts.keys() - self._wakers.keys():
            wakers = _wakers(self._context, runs[run_id])
            if wakers:
                self._wakers[run_id] = attempts[run_id], wakers

    def _ended(self, woke: frozenset[int]) -> None:
        """Forget what has told its news: it would go on telling it."""
        self.forget([run_id for run_id, (_, wakers) in self._wakers.items() if not woke.isdisjoint(wakers)])


def _poll(watched: Sequence[int], until: float, stopped: Callable[[float], bool]) -> frozenset[int]:
    """Return the descriptors with news, none where it was stopped or the time is up."""
    while not stopped(0.0):
        left = until - time.monotonic()
        found = _news(watched, min(left, TICK)) if left > 0 else frozenset[int]()
        if found or left <= 0:
            return found
    return frozenset()


def _news(watched: Sequence[int], seconds: float) -> frozenset[int]:
    poll = select.poll()
    for descriptor in watched:
        poll.register(descriptor, select.POLLIN)
    return frozenset(descriptor for descriptor, _ in poll.poll(seconds * 1000))


def _wakers(context: Context, run: RunRecord) -> Sequence[int]:
    try:
        backend = context.backends.get(run.workspace, run.target)
        if issubclass(type(backend), SupportsWaking):
            return cast("SupportsWaking", backend).wakers([JobHandle.from_dict(dict(run.handle or {}))])
    except Exception as error:  # noqa: BLE001  only a hint: the next look says what is wrong
        logger.debug("The jobs on '%s' cannot be watched: %s", run.target, error)
    return ()
