"""Reading metric histories: plain rows of four columns instead of mapped objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from aml_plugins.mlflow_store.fast.seams import (
    EntityAssociationType,
    Metric,
    MetricWithRunId,
    PagedList,
    metrics,
    page_token_at,
    parse_offset,
)
from aml_plugins.mlflow_store.fast.writing import Writing

_NAN = float("nan")
_POINT = (metrics.c.run_uuid, metrics.c.value, metrics.c.timestamp, metrics.c.step, metrics.c.is_nan)


class FastHistory(Writing):
    """Override the reads of all points of a metric; the sampled read of MLflow is a set-based one already."""

    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Metric]:
        if not self._is_covered():
            return super().get_metric_history(run_id, metric_key, max_results, page_token)
        with self.ManagedSessionMaker() as session:
            self._validate_run_accessible(session, run_id)
            offset = parse_offset(page_token)
            wanted = (metrics.c.run_uuid == run_id, metrics.c.key == metric_key)
            order = (metrics.c.timestamp, metrics.c.step, metrics.c.value)
            statement = sa.select(*_POINT).where(*wanted).order_by(*order).offset(offset)
            if max_results is not None:
                statement = statement.limit(max_results + 1)
            found = [metric for _, metric in _read(session, metric_key, statement)]
        if max_results is not None and len(found) == max_results + 1:
            return PagedList(found[:max_results], page_token_at(offset + max_results))
        return PagedList(found, None)

    def get_metric_history_bulk(self, run_ids: list[str], metric_key: str, max_results: int) -> list[MetricWithRunId]:
        if not self._is_covered():
            return super().get_metric_history_bulk(run_ids, metric_key, max_results)
        with self.ManagedSessionMaker() as session:
            visible = self._filter_entity_ids(session, EntityAssociationType.RUN, list(run_ids))
            wanted = (metrics.c.key == metric_key, metrics.c.run_uuid.in_(visible))
            order = (metrics.c.run_uuid, metrics.c.timestamp, metrics.c.step, metrics.c.value)
            statement = sa.select(*_POINT).where(*wanted).order_by(*order).limit(max_results)
            return [MetricWithRunId(metric, run_id) for run_id, metric in _read(session, metric_key, statement)]

    def get_metric_history_bulk_interval_from_steps(
        self, run_id: str, metric_key: str, steps: list[int], max_results: int
    ) -> list[MetricWithRunId]:
        if not self._is_covered():
            return super().get_metric_history_bulk_interval_from_steps(run_id, metric_key, steps, max_results)
        with self.ManagedSessionMaker() as session:
            self._validate_run_accessible(session, run_id)
            wanted = (metrics.c.key == metric_key, metrics.c.run_uuid == run_id, metrics.c.step.in_(steps))
            order = (metrics.c.run_uuid, metrics.c.step, metrics.c.timestamp, metrics.c.value)
            statement = sa.select(*_POINT).where(*wanted).order_by(*order).limit(max_results)
            return [MetricWithRunId(metric, run) for run, metric in _read(session, metric_key, statement)]


def _read(session: Session, key: str, statement: sa.Select[Any]) -> Iterable[tuple[str, Metric]]:
    rows = session.connection().execute(statement).all()
    return (
        (run, Metric(key, _NAN if is_nan else value, timestamp, step)) for run, value, timestamp, step, is_nan in rows
    )
