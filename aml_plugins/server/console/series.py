"""A metric's values, as many as a small chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aml_plugins.server.console.replies import number

if TYPE_CHECKING:
    from aml_plugins.runs.history import Metric, RunHistory

__all__ = ["POINTS", "series"]

POINTS = 400


def series(history: RunHistory, run_id: str, key: str) -> dict[str, Any]:
    """Return the points of a metric by step; of many, the first, the last and the extremes of what lies between."""
    points = sorted(history.metric_history(run_id, key), key=lambda point: (point.step, point.timestamp))
    return {
        "key": key,
        "count": len(points),
        "points": [[point.step, number(point.value), point.timestamp] for point in _thinned(points)],
    }


def _thinned(points: Sequence[Metric]) -> list[Metric]:
    """Keep the lowest and the highest of each stretch: a spike must not vanish."""
    if len(points) <= POINTS:
        return list(points)
    stretches = POINTS // 2 - 1
    kept = {0, len(points) - 1}
    for number_ in range(stretches):
        indexes = range(number_ * len(points) // stretches, (number_ + 1) * len(points) // stretches)
        kept |= {
            min(indexes, key=lambda index: points[index].value),
            max(indexes, key=lambda index: points[index].value),
        }
    return [points[index] for index in sorted(kept)]
