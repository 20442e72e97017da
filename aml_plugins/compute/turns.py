"""Whose turn it is to be asked about one by one, of many jobs that a list says nothing new about."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aml_plugins.compute.job import JobStatus
from aml_plugins.compute.states import JobState

__all__ = ["NOT_ASKED", "QUESTIONS", "Turns"]

QUESTIONS = 20
"""So many jobs at most are asked about one by one in a round, however many there are."""
NOT_ASKED = JobStatus(state=JobState.UNKNOWN, native_state="not asked yet")
"""How a job is whose turn has not come yet."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Look(Generic[T]):
    at: float
    due: float
    found: T


class Turns(Generic[T]):
    """What one process remembers of its looks; a backend keeps one. Nothing is lost with it.

    :param questions: how many jobs come to their turn in a round at most.
    """

    def __init__(self, questions: int = QUESTIONS) -> None:
        self._questions = questions
        self._looks: dict[str, _Look[T]] = {}

    def take(self, keys: Iterable[str]) -> frozenset[str]:
        """Return the jobs whose turn it is: those never looked at, then those whose last look is longest ago."""
        now, never = time.monotonic(), float("-inf")
        looks = {key: self._looks.get(key) for key in keys}
        due = {key: look.at if look else never for key, look in looks.items() if look is None or look.due <= now}
        return frozenset(sorted(due, key=due.__getitem__)[: self._questions])

    def looked(self, key: str, found: T, rest_seconds: float = 0.0) -> None:
        """Write down what a look at a job found, and for how long no other is needed."""
        now = time.monotonic()
        self._looks[key] = _Look(now, now + rest_seconds, found)

    def __contains__(self, key: str) -> bool:
        """Say whether a job was ever looked at."""
        return key in self._looks

    def last(self, key: str, never: T) -> T:
        """Return what the last look at a job found.

        :param never: what there is to say of a job that was never looked at.
        """
        return self._looks[key].found if key in self._looks else never

    def forget(self, key: str) -> None:
        """Forget a job that is gone."""
        self._looks.pop(key, None)
