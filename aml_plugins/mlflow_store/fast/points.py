"""Metric points as rows: which ones the fast path takes, and which is the latest of each key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import TypeAlias

from aml_plugins.mlflow_store.fast.seams import Metric, validate_metric

_LEAST, _GREATEST = -(2**63), 2**63 - 1
_EXACT_FLOAT = 2**53


Point: TypeAlias = tuple[str, int, int, float, bool]
"""One row of ``metrics`` without its run, in the order of the table's primary key: key, timestamp, step, value, is NaN.

A plain tuple: a batch makes a thousand of them, and one with named fields takes three times as long to make.
"""


def points_of(metrics: Sequence[Metric], sanitize: Callable[[float], tuple[bool, float]]) -> list[Point] | None:
    """Validate the metrics as MLflow does and return their distinct points in the order given.

    :returns: ``None`` where a number is of a kind (NumPy's, a fraction, beyond 64 bits) whose meaning MLflow's own
        path must decide.
    """
    points: dict[Point, None] = {}
    valid_keys: set[str] = set()
    for index, metric in enumerate(metrics):
        key, value, timestamp, step = metric.key, metric.value, metric.timestamp, metric.step
        plain = (
            type(key) is str
            and type(step) is int
            and _LEAST <= step <= _GREATEST
            and type(timestamp) is int
            and 0 <= timestamp <= _GREATEST
            and (isinstance(value, float) or (type(value) is int and -_EXACT_FLOAT <= value <= _EXACT_FLOAT))
        )
        if not plain or key not in valid_keys:  # of a plain metric, only the key can still be refused
            path = "" if len(metrics) == 1 else f"metrics[{index}]"
            validate_metric(key, value, timestamp, step, path=path)
            valid_keys.add(key)
        if not plain:
            return None
        is_nan, stored = (False, value) if isfinite(value) else sanitize(value)
        points[key, timestamp, step, float(stored), is_nan] = None
    return list(points)


def latest_of(points: Iterable[Point]) -> list[Point]:
    """Return the latest point of each key; of equally recent ones the first, as MLflow keeps it."""
    latest: dict[str, Point] = {}
    for point in points:
        key, timestamp, step, value, _ = point
        known = latest.get(key)
        if known is None or (step, timestamp, value) > (known[2], known[1], known[3]):
            latest[key] = point
    return list(latest.values())
