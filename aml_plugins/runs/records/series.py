"""Points of metrics: each value that a script logged becomes one point, and stays one point when replayed."""

from __future__ import annotations

import sys

from aml_plugins.runs.history import Metric

__all__ = ["Series"]

LARGEST = sys.float_info.max


class Series:
    """One metric of one run.

    MLflow stores a point once by time, step and value. A value without a step gets its index in the series; values
    that would fall together (same step, same millisecond, same value) are put one millisecond apart.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._count = 0
        self._time = 0
        self._now: set[tuple[int, str]] = set()

    def point(self, value: float, time_ms: int, step: int | None) -> Metric:
        """Return the next point."""
        step = self._count if step is None else step
        self._count += 1
        identity = (step, _stored(value))
        self._advance(max(time_ms, self._time))
        if identity in self._now:
            self._advance(self._time + 1)
        self._now.add(identity)
        return Metric(self._key, value, self._time, step)

    def _advance(self, time_ms: int) -> None:
        if time_ms != self._time:
            self._time = time_ms
            self._now.clear()


def _stored(value: float) -> str:
    """Return what distinguishes a value in MLflow's table: infinities are its largest numbers, -0.0 is 0.0."""
    return repr(max(-LARGEST, min(LARGEST, value)) + 0.0) if value == value else "nan"  # noqa: PLR0124 - NaN alone differs
