"""Whose turn it is to be asked about one by one, of many jobs that a list says nothing new about."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["QUESTIONS", "Turns"]

QUESTIONS = 20
"""So many jobs at most are asked about one by one in a round, however many there are."""


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    due: float


class Turns:
    """What one process remembers of its looks; a backend keeps one. Nothing is lost with it.

    :param questions: how many jobs come to their turn in a round at most.
    """

    def __init__(self, questions: int = QUESTIONS) -> None:
        self._questions = questions
        self._looks: dict[str, _Look] = {}

    def take(self, keys: Iterable[str]) -> frozenset[str]:
        """Return the jobs whose turn it is: those never looked at, then those whose last look is longest ago."""
        now, never = time.monotonic(), _Look(float("-inf"), float("-inf"))
        looks: Mapping[str, _Look] = {key: self._looks.get(key, never) for key in keys}
        due = sorted((key for key, look in looks.items() if look.due <= now), key=lambda key: looks[key].at)
        return frozenset(due[: self._questions])

    def looked(self, key: str, rest_seconds: float = 0.0) -> None:
        """Write down a look at a job, and for how long no other is needed."""
        now = time.monotonic()
        self._looks[key] = _Look(now, now + rest_seconds)

    def forget(self, key: str) -> None:
        """Forget a job that is gone."""
        self._looks.pop(key, None)
