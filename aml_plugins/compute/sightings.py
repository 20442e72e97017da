"""How long something has been as it is, counted where no clock's jump can decide."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

__all__ = ["Sightings"]

MOST = 20_000
"""Things remembered; beyond that the one seen first is forgotten, and counted anew should it come again."""


class Sightings:
    """For how long this process has seen things unchanged.

    A time that somebody wrote down was read from another machine's clock, or from this one's before it was put right.
    What must not be given up wrongly is therefore counted by one process, from its own first look. A process that
    takes over counts anew: it may be patient for too long, never for too short a time.

    :param clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def seconds(self, thing: Hashable, state: Hashable = None) -> float:
        """Return since when the thing has been seen in this state; 0.0 where that is new."""
        now = self._clock()
        before, since = self._seen.get(thing, (None, now))
        if thing in self._seen and before == state:
            return now - since
        self._seen.pop(thing, None)
        if len(self._seen) >= MOST:
            self._seen.pop(next(iter(self._seen)), None)
        self._seen[thing] = (state, now)
        return 0.0

    def forget(self, thing: Hashable) -> None:
        """Count anew from the next look on."""
        self._seen.pop(thing, None)
