"""Metric points as rows: which ones the fast path takes, and which is the latest of each key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from aml_plugins.mlflow_store.fast.seams import Metric, validate_metric

_INT64 = range(-(2**63), 2**63)
_TIMESTAMPS = range(2**63)
_EXACT_FLOAT = 2**53


class Point(NamedTuple):
    """One row of ``metrics`` without its run, in the order of the table's primary key."""

    key: str
    timestamp: int
    step: int
    value: float
    is_nan: bool

    @property
    def recency(self) -> tuple[int, int, float]:
        """What MLflow compares to tell which of two points of a key is the latest one."""
        return self.step, self.timestamp, self.value


def points_of(metrics: Sequence[Metric], sanitize: Callable[[float], tuple[bool, float]]) -> list[Point] | None:
    """Validate the metrics as MLflow does and return their distinct points in the order given.

    :returns: ``None`` where a number is of a kind (NumPy's, a fraction, beyond 64 bits) whose meaning MLflow's own
        path must decide.
    """
    points: dict[Point, None] = {}
    valid_keys: set[str] = set()
    for index, metric in enumerate(metrics):
        plain = _is_plain(metric)
        if not plain or metric.key not in valid_keys:  # of a plain metric, only the key can still be refused
            path = "" if len(metrics) == 1 else f"metrics[{index}]"
            validate_metric(metric.key, metric.value, metric.timestamp, metric.step, path=path)
            valid_keys.add(metric.key)
        if not plain:
            return None
        is_nan, value = sanitize(metric.value)
        points[Point(metric.key, metric.timestamp, metric.step, float(value), is_nan)] = None
    return list(points)


def latest_of(points: Iterable[Point]) -> list[Point]:
    """Return the latest point of each key; of equally recent ones the first, as MLflow keeps it."""
    latest: dict[str, Point] = {}
    for point in points:
        known = latest.get(point.key)
        if known is None or point.recency > known.recency:
            latest[point.key] = point
    return list(latest.values())


def _is_plain(metric: Metric) -> bool:
    value = metric.value
    return (
        type(metric.key) is str
        and type(metric.step) is int
        and metric.step in _INT64
        and type(metric.timestamp) is int
        and metric.timestamp in _TIMESTAMPS
        and (isinstance(value, float) or (type(value) is int and abs(value) <= _EXACT_FLOAT))
    )
