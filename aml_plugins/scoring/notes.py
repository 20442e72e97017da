"""Answered requests, logged and counted some at a time: the next answer does not wait for what is told of the last."""

from __future__ import annotations

from typing import Any

from .answered import Answered
from .logs import AccessLog
from .metrics import Metrics

__all__ = ["Notes"]

_FLUSH_SECONDS = 0.1
_SLOW_SECONDS = 0.01  # beside this much, telling of it costs nothing
_MOST = 16  # no answer waits while hundreds are told of, which takes milliseconds


class Notes:
    """Takes down what was answered and tells of some at a time, ten times a second or more; of what took long, at once.

    :param loop: runs as long as requests come.
    """

    def __init__(self, loop: Any, metrics: Metrics | None) -> None:
        self._loop = loop
        self._metrics = metrics
        self._access = AccessLog()
        self._waiting: list[Answered] = []
        self._is_timed = False

    def take(self, answered: Answered) -> None:
        """Take down one answered request."""
        if not self._is_timed:
            self._is_timed = True
            self._loop.call_later(_FLUSH_SECONDS, self._when_timed)
        self._waiting.append(answered)
        if answered.seconds > _SLOW_SECONDS or len(self._waiting) >= _MOST:
            self.flush()

    def _when_timed(self) -> None:
        self._is_timed = False
        self.flush()

    def flush(self) -> None:
        """Tell of all that has gathered."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        self._access.write(waiting)
        if self._metrics is not None:
            for one in waiting:
                self._metrics.count(
                    one.path, one.status, one.seconds, None if one.run_ms is None else one.run_ms / 1000
                )
