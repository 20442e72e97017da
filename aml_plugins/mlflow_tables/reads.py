"""Experiments, runs and what they logged, as MLflow's own store returns them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select

from aml_plugins.errors import NotFoundError
from aml_plugins.mlflow_tables.tables import experiments, latest_metrics, metrics, params, runs, tags
from aml_plugins.runs.history import Metric, RunView
from aml_plugins.store.sql.prepared import Prepared

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from aml_plugins.store.sql.database import Database

__all__ = [
    "Experiment",
    "Place",
    "find_experiment",
    "no_such_run",
    "read_children",
    "read_metric",
    "read_place",
    "read_run",
]

_NAN = float("nan")
_CHUNK = 500
_PARENT = "mlflow.parentRunId"
_MINE = (runs.c.run_uuid == bindparam("run")) & (experiments.c.workspace == bindparam("of"))
_WITH_EXPERIMENT = runs.join(experiments, experiments.c.experiment_id == runs.c.experiment_id)
_PLACE = Prepared(select(runs.c.artifact_uri, runs.c.experiment_id).select_from(_WITH_EXPERIMENT).where(_MINE))
_SHOWN = select(
    runs.c.run_uuid,
    runs.c.name,
    runs.c.experiment_id,
    runs.c.status,
    runs.c.start_time,
    runs.c.end_time,
    runs.c.artifact_uri,
)
_RUN = _SHOWN.select_from(_WITH_EXPERIMENT).where(_MINE)
_CHILDREN = (
    _SHOWN.select_from(runs.join(tags, tags.c.run_uuid == runs.c.run_uuid))
    .where(runs.c.experiment_id == bindparam("experiment"), runs.c.lifecycle_stage == "active")
    .where(tags.c.key == _PARENT, tags.c.value == bindparam("run"))
    .order_by(runs.c.start_time, runs.c.run_uuid)
)
_EXPERIMENT = Prepared(
    select(experiments.c.experiment_id, experiments.c.lifecycle_stage, experiments.c.artifact_location).where(
        experiments.c.name == bindparam("name"), experiments.c.workspace == bindparam("of")
    )
)
_POINTS = (
    select(metrics.c.value, metrics.c.timestamp, metrics.c.step, metrics.c.is_nan)
    .where(metrics.c.run_uuid == bindparam("run"), metrics.c.key == bindparam("key"))
    .order_by(metrics.c.timestamp, metrics.c.step, metrics.c.value)
)


class Place(NamedTuple):
    """Where a run's artifacts lie, and its experiment: neither ever changes."""

    artifact_uri: str
    experiment_id: str


def no_such_run(run_id: str) -> NotFoundError:
    """Return the error for a run that the workspace has not."""
    return NotFoundError(f"There is no run {run_id} in this workspace.", "Check the name and the workspace.")


class Experiment(NamedTuple):
    """An experiment of MLflow's; ``location`` is where artifacts of its runs go, None where MLflow wrote none."""

    experiment_id: str
    stage: str
    location: str | None


def find_experiment(database: Database, workspace: str, name: str) -> Experiment | None:
    """Return an experiment by its name, None where there is none."""
    with database.reading() as connection:
        rows = _EXPERIMENT.rows(connection, {"name": name, "of": workspace})
    return Experiment(str(rows[0][0]), *rows[0][1:]) if rows else None


def read_place(database: Database, workspace: str, run_id: str) -> Place:
    """Return where a run is.

    :raises NotFoundError: where the workspace has no such run.
    """
    with database.reading() as connection:
        rows = _PLACE.rows(connection, {"run": run_id, "of": workspace})
    if not rows:
        raise no_such_run(run_id)
    return Place(str(rows[0][0]), str(rows[0][1]))


def read_run(database: Database, workspace: str, run_id: str) -> RunView:
    """Return a run with what it logged, a deleted one too.

    :raises NotFoundError: where the workspace has no such run.
    """
    with database.reading() as connection:
        row = connection.execute(_RUN, {"run": run_id, "of": workspace}).one_or_none()
        if row is None:
            raise no_such_run(run_id)
        return next(_views(connection, [row]))


def read_children(database: Database, workspace: str, run_id: str) -> Sequence[RunView]:
    """Return the child runs of a run that are not deleted, the oldest first.

    :raises NotFoundError: where the workspace has no such run.
    """
    experiment = int(read_place(database, workspace, run_id).experiment_id)
    with database.reading() as connection:
        rows = connection.execute(_CHILDREN, {"experiment": experiment, "run": run_id}).all()
        return list(_views(connection, rows))


def read_metric(database: Database, run_id: str, key: str) -> Sequence[Metric]:
    """Return all points of a metric of a run, by time, step and value."""
    with database.reading() as connection:
        rows = connection.execute(_POINTS, {"run": run_id, "key": key}).all()
    return [Metric(key, _NAN if is_nan else value, timestamp, step) for value, timestamp, step, is_nan in rows]


def _views(connection: Connection, rows: Sequence[Any]) -> Iterator[RunView]:
    ids = [row.run_uuid for row in rows]
    logged = {table: _values(connection, table, ids) for table in (latest_metrics, params, tags)}
    for row in rows:
        named = logged[tags].get(row.run_uuid, {})
        yield RunView(
            run_id=row.run_uuid,
            experiment_id=str(row.experiment_id),
            name=row.name or named.get("mlflow.runName", ""),
            status=row.status,
            start_time=row.start_time,
            end_time=row.end_time,
            metrics=logged[latest_metrics].get(row.run_uuid, {}),
            params=logged[params].get(row.run_uuid, {}),
            tags=named,
            artifact_uri=row.artifact_uri,
        )


def _values(connection: Connection, table: Table, run_ids: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    """Read what some runs have in a table: a statement for each few hundred runs."""
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    columns = [table.c.run_uuid, table.c.key, table.c.value, *([table.c.is_nan] if "is_nan" in table.c else [])]
    for start in range(0, len(run_ids), _CHUNK):
        chosen = table.c.run_uuid.in_(run_ids[start : start + _CHUNK])
        for run_id, key, value, *is_nan in connection.execute(select(*columns).where(chosen)):
            found[run_id][key] = _NAN if any(is_nan) else value
    return found
