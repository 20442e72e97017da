"""How long to wait between two looks."""

from __future__ import annotations

import random

__all__ = ["Pause"]


class Pause:
    """Short after something happened, longer the longer nothing does, with jitter against herds.

    :param shortest: seconds after a change; :param longest: seconds at most.
    """

    def __init__(self, shortest: float = 0.004, longest: float = 2.0, growth: float = 1.25) -> None:
        self._shortest = shortest
        self._longest = longest
        self._growth = growth
        self._next = shortest

    def reset(self) -> None:
        """Something happened: look again soon."""
        self._next = self._shortest

    def seconds(self) -> float:
        """Return how long to sleep now, and make the next pause longer."""
        now = self._next
        self._next = min(self._longest, now * self._growth)
        return now * random.uniform(0.9, 1.1)  # noqa: S311  jitter, not a secret
