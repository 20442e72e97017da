"""Writing metrics: one insert for all points, one upsert for the latest ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import sqlalchemy as sa

from aml_plugins.mlflow_store.fast.points import Point, latest_of, points_of
from aml_plugins.mlflow_store.fast.seams import (
    INTERNAL_ERROR,
    Metric,
    MlflowException,
    Param,
    RunTag,
    metric_model,
    validate_limits,
    validate_run_id,
)
from aml_plugins.mlflow_store.fast.writing import Writing

_IS_NEWER = """
WHERE (excluded.step, excluded.timestamp, excluded.value)
    > (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)
"""
_OVERWRITE = f"""
ON CONFLICT (key, run_uuid) DO UPDATE SET
    value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan
{_IS_NEWER}
"""
_ROW = "(key, timestamp, step, value, is_nan, run_uuid)"
_AT_ONCE = 100
"""Rows of one insert: half the time of one row each, and fewer values than the oldest SQLite allows."""
_SQLITE_METRICS, _SQLITE_MANY_METRICS = (
    f"INSERT INTO metrics {_ROW} VALUES {', '.join(['(?, ?, ?, ?, ?, ?)'] * rows)} ON CONFLICT DO NOTHING"  # noqa: S608 - constants
    for rows in (1, _AT_ONCE)
)
_SQLITE_LATEST = f"INSERT INTO latest_metrics {_ROW} VALUES (?, ?, ?, ?, ?, ?) {_OVERWRITE}"  # noqa: S608 - constants
# One array a column: the same statement for one point and for a thousand, and no limit of bound values.
_POSTGRES_ROWS = """
SELECT p.k, p.t, p.s, p.v, p.n, :run_uuid
FROM unnest(
    CAST(:keys AS text[]), CAST(:timestamps AS bigint[]), CAST(:steps AS bigint[]),
    CAST(:vals AS double precision[]), CAST(:nans AS boolean[])
) AS p (k, t, s, v, n)
"""
_MANY = 10
"""Points of a batch for which it is worth going our own way."""
_POSTGRES_METRICS = sa.text(f"INSERT INTO metrics {_ROW} {_POSTGRES_ROWS} ON CONFLICT DO NOTHING")
_POSTGRES_LATEST = sa.text(f"INSERT INTO latest_metrics {_ROW} {_POSTGRES_ROWS} {_OVERWRITE}")


class CheckedMetrics(list[Metric]):
    """Metrics that were validated, with their points; who stands in for a method of MLflow's finds metrics in it."""

    def __init__(self, metrics: Sequence[Metric] = (), points: list[Point] | None = None) -> None:
        super().__init__(metrics)
        self.points = points or []


class FastMetrics(Writing):
    """Override the one method through which ``log_metric`` and ``log_batch`` write points, and the latter's check."""

    def log_batch(
        self, run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> None:
        """Write a batch; its metrics are validated once a key, where MLflow does it twice a point."""
        batch = (metrics, params, tags)
        usual = all(isinstance(part, list | tuple) for part in batch)
        checked = self._checked(*batch) if usual else None
        if checked is None:
            super().log_batch(run_id, metrics, params, tags)
            return
        if params or tags:
            super().log_batch(run_id, CheckedMetrics(), params, tags)
        else:  # metrics alone: whether the run may have them is looked at where they are written
            validate_run_id(run_id)
        try:
            self._log_metrics(run_id, checked)
        except MlflowException:
            raise
        except Exception as error:
            raise MlflowException(str(error), INTERNAL_ERROR) from error

    def _checked(
        self, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> CheckedMetrics | None:
        """Return the metrics of a large batch that cannot be refused for them; None for any other."""
        if len(metrics) < _MANY or not self._is_covered():
            return None
        if set(map(type, metrics)) != {Metric} or set(map(metric_model, metrics)) != {None}:
            return None
        try:
            validate_limits(metrics, params, tags)
            points = points_of(metrics, self.sanitize_metric_value)
        except MlflowException:  # MLflow says what is wrong with the batch in its own order
            return None
        return None if points is None else CheckedMetrics(metrics, points)

    def _log_metrics_once(self, run_id: str, metrics: Sequence[Metric]) -> None:
        if isinstance(metrics, CheckedMetrics):
            if not metrics:  # log_batch has just looked at the run, and keeps its metrics back
                return
            points: list[Point] | None = metrics.points
        else:
            points = points_of(metrics, self.sanitize_metric_value) if self._is_covered() else None
        if points is None:
            super()._log_metrics_once(run_id, metrics)
            return
        with self.ManagedSessionMaker(read_only=False) as session:
            if not points:
                self._require_active_run(session, run_id)
                return
            connection = self._begin_write(session)
            self._require_active_run(session, run_id)
            write = _write_sqlite if self.db_type == "sqlite" else _write_postgresql
            write(connection, run_id, points)


def _write_sqlite(connection: sa.Connection, run_id: str, points: list[Point]) -> None:
    """Write in the order given: rows of a run are read back in that order, as after MLflow's own insert."""
    whole = len(points) - len(points) % _AT_ONCE
    rows = [(*point, run_id) for point in points]
    if whole:
        many = [tuple(chain.from_iterable(rows[start : start + _AT_ONCE])) for start in range(0, whole, _AT_ONCE)]
        connection.exec_driver_sql(_SQLITE_MANY_METRICS, many)
    if whole < len(points):
        connection.exec_driver_sql(_SQLITE_METRICS, rows[whole:])
    connection.exec_driver_sql(_SQLITE_LATEST, [(*point, run_id) for point in latest_of(points)])


def _write_postgresql(connection: sa.Connection, run_id: str, points: list[Point]) -> None:
    """Write in the order of the keys: sessions that write the same rows lock them in the same order."""
    connection.execute(_POSTGRES_METRICS, _columns(run_id, sorted(points)))
    connection.execute(_POSTGRES_LATEST, _columns(run_id, sorted(latest_of(points))))


def _columns(run_id: str, points: list[Point]) -> dict[str, str]:
    """Return each column as the text of a PostgreSQL array: drivers take five times as long to adapt a list."""
    keys, timestamps, steps, values, nans = zip(*points, strict=True)
    return {
        "run_uuid": run_id,
        "keys": _array(_quoted(key) for key in keys),
        "timestamps": _array(map(str, timestamps)),
        "steps": _array(map(str, steps)),
        "vals": _array(map(repr, values)),
        "nans": _array(map(str, nans)),
    }


def _array(elements: Iterable[str]) -> str:
    return "{" + ",".join(elements) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
