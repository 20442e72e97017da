"""Metrics and tags of a run, as MLflow's own store writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, text

from aml_plugins.mlflow_tables.tables import experiments, runs
from aml_plugins.mlflow_tables.writes import ACTIVE, TAG_CHARACTERS, set_tags
from aml_plugins.runs.log_batches import in_pieces
from aml_plugins.store.sql.prepared import Prepared

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from aml_plugins.runs.history import Metric
    from aml_plugins.store.sql.database import Database

__all__ = ["is_plain_metric", "is_plain_tag", "log"]

# Names that MLflow takes on every system (it allows 250 characters): no segment begins with a dot.
_NAME = re.compile(r"(?=.{1,250}\Z)[A-Za-z0-9_][-A-Za-z0-9_. ]*(?:/[A-Za-z0-9_][-A-Za-z0-9_. ]*)*")
_OF_MLFLOW = "mlflow."
_LARGEST, _EXACT_FLOAT = 2**63 - 1, 2**53
_AT_ONCE = 5000
"""Points of one transaction: others who write wait for it."""
_STAGE = Prepared(
    select(runs.c.lifecycle_stage)
    .join(experiments, experiments.c.experiment_id == runs.c.experiment_id)
    .where(runs.c.run_uuid == bindparam("run"), experiments.c.workspace == bindparam("of"))
)
_INSERT = '("key", "timestamp", step, value, is_nan, run_uuid) VALUES (:key, :at, :step, :value, :is_nan, :run)'
_POINT = Prepared(text(f"INSERT INTO metrics {_INSERT} ON CONFLICT DO NOTHING"))
_LATEST = Prepared(
    text(
        f'INSERT INTO latest_metrics {_INSERT} ON CONFLICT ("key", run_uuid) DO UPDATE SET value = excluded.value,'
        ' "timestamp" = excluded."timestamp", step = excluded.step, is_nan = excluded.is_nan'
        ' WHERE (excluded.step, excluded."timestamp", excluded.value)'
        ' > (latest_metrics.step, latest_metrics."timestamp", latest_metrics.value)'
    )
)


def is_plain_metric(metric: Metric) -> bool:
    """Say whether MLflow takes the metric, and stores its numbers as they are."""
    value, at, step = metric.value, metric.timestamp, metric.step
    is_number = type(value) is float or (type(value) is int and abs(value) <= _EXACT_FLOAT)
    is_time = type(at) is int and 0 <= at <= _LARGEST
    is_step = type(step) is int and abs(step) <= _LARGEST
    return is_number and math.isfinite(value) and is_time and is_step and _NAME.fullmatch(metric.key) is not None


def is_plain_tag(key: str, value: object) -> bool:
    """Say whether MLflow takes the tag, and does nothing but store it."""
    is_text = type(value) is str and len(value) <= TAG_CHARACTERS
    return is_text and not key.startswith(_OF_MLFLOW) and _NAME.fullmatch(key) is not None


def log(database: Database, workspace: str, run_id: str, metrics: Sequence[Metric], tags: Mapping[str, str]) -> bool:
    """Log what is plain.

    :returns: False where MLflow has to do it, or to refuse it; nothing was logged then, or a part that is logged again.
    :raises StoreError: where the database fails.
    """
    if not (all(map(is_plain_metric, metrics)) and all(is_plain_tag(*item) for item in tags.items())):
        return False
    rows = [
        {"key": m.key, "at": m.timestamp, "step": m.step, "value": float(m.value), "is_nan": False, "run": run_id}
        for m in metrics
    ]
    for piece in in_pieces(rows, _AT_ONCE) if rows else [[]]:
        with database.writing() as connection:
            stage = _STAGE.rows(connection, {"run": run_id, "of": workspace})
            if not stage or stage[0][0] != ACTIVE:
                return False
            _write(connection, piece)
            set_tags(connection, run_id, tags)
    return True


def _write(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write points in the order of their keys: two who write the same rows lock them in the same order."""
    if rows:
        rows.sort(key=_recency)
        _POINT.many(connection, rows)
        _LATEST.many(connection, list({row["key"]: row for row in rows}.values()))  # the last of a key is its latest


def _recency(row: dict[str, Any]) -> tuple[str, int, int, float]:
    return row["key"], row["step"], row["at"], row["value"]
