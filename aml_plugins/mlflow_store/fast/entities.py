"""MLflow's run entities from plain rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from aml_plugins.mlflow_store.fast.seams import (
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunTag,
    latest_metrics,
    params,
    run_name_of_tags,
    runs,
    tags,
)

RUN_COLUMNS = (
    runs.c.run_uuid,
    runs.c.name,
    runs.c.experiment_id,
    runs.c.user_id,
    runs.c.status,
    runs.c.start_time,
    runs.c.end_time,
    runs.c.lifecycle_stage,
    runs.c.artifact_uri,
)
_CHUNK = 500
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunParts:
    """What belongs to a run and is kept in tables of its own."""

    metrics: list[Metric] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    tags: list[RunTag] = field(default_factory=list)


def read_parts(connection: sa.Connection, run_ids: list[str]) -> dict[str, RunParts]:
    """Read the latest metrics, parameters and tags of the runs: a statement a table for each few hundred runs."""
    parts: defaultdict[str, RunParts] = defaultdict(RunParts)
    for chunk in _chunks(run_ids):
        for run_id, key, value, timestamp, step, is_nan in _rows(connection, latest_metrics, chunk, _METRIC):
            parts[run_id].metrics.append(Metric(key, _NAN if is_nan else value, timestamp, step))
        for run_id, key, value in _rows(connection, params, chunk, _TEXT):
            parts[run_id].params.append(Param(key, value))
        for run_id, key, value in _rows(connection, tags, chunk, _TEXT):
            parts[run_id].tags.append(RunTag(key, value))
    return parts


def run_of(row: Any, parts: RunParts, *, datasets: list[Any], outputs: list[Any]) -> Run:
    """Build the entity that MLflow returns from a search for this row of ``runs``."""
    info = RunInfo(
        run_id=row.run_uuid,
        run_name=row.name or run_name_of_tags(parts.tags) or row.name,
        experiment_id=str(row.experiment_id),
        user_id=row.user_id,
        status=row.status,
        start_time=row.start_time,
        end_time=row.end_time,
        lifecycle_stage=row.lifecycle_stage,
        artifact_uri=row.artifact_uri,
    )
    data = RunData(metrics=parts.metrics, params=parts.params, tags=parts.tags)
    return Run(info, data, RunInputs(dataset_inputs=datasets), RunOutputs(outputs))


_TEXT = ("run_uuid", "key", "value")
_METRIC = (*_TEXT, "timestamp", "step", "is_nan")


def _rows(connection: sa.Connection, table: sa.Table, run_ids: list[str], names: tuple[str, ...]) -> list[Any]:
    statement = sa.select(*(table.c[name] for name in names)).where(table.c.run_uuid.in_(run_ids))
    return list(connection.execute(statement).all())


def _chunks(run_ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(run_ids), _CHUNK):
        yield run_ids[start : start + _CHUNK]
