"""The two stores that are compared, and what is compared of them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

from aml_plugins.mlflow_store.fast.tracking import FastTracking

RUN_TABLES = (models.SqlMetric, models.SqlLatestMetric, models.SqlParam, models.SqlTag, models.SqlLoggedModelMetric)


class FastStore(FastTracking, WorkspaceAwareSqlAlchemyStore):
    """The store as the adapter builds it, without what else the adapter adds."""


@dataclass(frozen=True)
class Pair:
    plain: WorkspaceAwareSqlAlchemyStore
    fast: FastStore

    def experiment(self) -> str:
        return self.plain.create_experiment(uuid.uuid4().hex)


def open_pair(uri: str, artifacts: str) -> Pair:
    return Pair(WorkspaceAwareSqlAlchemyStore(uri, artifacts), FastStore(uri, artifacts))


def new_run(store: Any, experiment: str, start_time: int = 1) -> str:
    return store.create_run(experiment, "someone", start_time, [], "the-run").info.run_id


def outcome(act: Callable[[], Any], run_id: str = "") -> tuple[str, ...]:
    """Say what an act ended with: nothing, or the error's code and message without what differs from run to run."""
    try:
        act()
    except MlflowException as error:
        return type(error).__name__, error.error_code, _without_identity(str(error), run_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other store has to raise the same
        return type(error).__name__, _without_identity(str(error), run_id)
    return ("done",)


def _without_identity(message: str, run_id: str) -> str:
    message = message.replace(run_id, "RUN") if run_id else message
    message = re.sub(r" at 0x[0-9a-f]+", " at ADDRESS", message)
    return re.sub(r"artifacts?/\d+|'experiment_id': \d+", "EXPERIMENT", message)


def _text(row: Any) -> str:
    """MLflow may keep 0.0 where -0.0 came later, as its object mapper sees no change: they are one number."""
    return repr(tuple(0.0 if isinstance(value, float) and value == 0 else value for value in row))


def rows_of(store: Any, run_id: str) -> dict[str, list[str]]:
    """Return what the tables hold of a run, in a comparable order; NaN and the infinities as they are stored."""
    found = {}
    with store.engine.connect() as connection:
        for model in RUN_TABLES:
            table = model.__table__
            owner = "run_id" if "run_id" in table.c else "run_uuid"
            columns = [column for column in table.c if column.name not in (owner, "experiment_id", "dataset_uuid")]
            found[table.name] = sorted(
                map(_text, connection.execute(sa.select(*columns).where(table.c[owner] == run_id)))
            )
    return found


def described(run: Any) -> tuple[Any, ...]:
    """Return all of a run entity but its id and where its artifacts are."""
    info = {k: v for k, v in dict(run.info).items() if k not in ("run_id", "artifact_uri", "experiment_id")}
    latest = sorted(repr(metric.to_dictionary()) for metric in run.data._metric_objs)
    return info, latest, sorted(run.data.params.items()), sorted(run.data.tags.items())


def exact(run: Any) -> bytes:
    """Return the run as it goes over the wire, with the order of its metrics, parameters and tags."""
    return run.to_proto().SerializeToString(deterministic=True)
