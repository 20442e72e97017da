"""Metric points as rows: which ones the fast path takes, and which is the latest of each key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from math import isfinite
from operator import itemgetter
from typing import TypeAlias

from aml_plugins.mlflow_store.fast.seams import Metric, MlflowException, metric_fields, validate_metric

_LEAST, _GREATEST = -(2**63), 2**63 - 1
_EXACT_FLOAT = 2**53
_MANY = 10
"""Points for which it is worth looking at columns."""
_KEY, _RECENCY, _IS_NAN = itemgetter(0), itemgetter(2, 1, 3), itemgetter(4)

Point: TypeAlias = tuple[str, int, int, float, bool]
"""One row of ``metrics`` without its run, in the order of the table's primary key: key, timestamp, step, value, is NaN.

A plain tuple: a batch makes a thousand of them, and one with named fields takes three times as long to make.
"""


def points_of(metrics: Sequence[Metric], sanitize: Callable[[float], tuple[bool, float]]) -> list[Point] | None:
    """Validate the metrics as MLflow does and return their distinct points in the order given.

    :returns: ``None`` where a number is of a kind (NumPy's, a fraction, beyond 64 bits) whose meaning MLflow's own
        path must decide.
    """
    usual = _usual_points(metrics)
    return _one_by_one(metrics, sanitize) if usual is None else usual


def _usual_points(metrics: Sequence[Metric]) -> list[Point] | None:
    """Return the points of a batch of plain finite numbers that is beyond doubt, looked at a column at a time."""
    if len(metrics) < _MANY or set(map(type, metrics)) != {Metric}:
        return None
    keys, values, timestamps, steps = zip(*map(metric_fields, metrics), strict=True)
    types = ({str}, {float}, {int}, {int})
    if tuple(set(map(type, column)) for column in (keys, values, timestamps, steps)) != types:
        return None
    if min(timestamps) < 0 or max(timestamps) > _GREATEST or min(steps) < _LEAST or max(steps) > _GREATEST:
        return None
    if not all(map(isfinite, values)):
        return None
    try:
        for key in set(keys):
            validate_metric(key, 0.0, 0, 0)
    except MlflowException:  # said again with the place of the first one that is wrong
        return None
    return list(dict.fromkeys(zip(keys, timestamps, steps, values, repeat(False), strict=False)))


def _one_by_one(metrics: Sequence[Metric], sanitize: Callable[[float], tuple[bool, float]]) -> list[Point] | None:
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
    points = list(points)
    if not any(map(_IS_NAN, points)):  # no two points of a key are equally recent then
        in_order: dict[str, Point] = dict.fromkeys(map(_KEY, points), points[0]) if points else {}
        in_order.update(zip(map(_KEY, newest := sorted(points, key=_RECENCY)), newest, strict=True))
        return list(in_order.values())
    latest: dict[str, Point] = {}
    for point in points:
        key, timestamp, step, value, _ = point
        known = latest.get(key)
        if known is None or (step, timestamp, value) > (known[2], known[1], known[3]):
            latest[key] = point
    return list(latest.values())
