"""The overrides rest on private names of MLflow's store: a new MLflow that moves one fails here, by name."""

from __future__ import annotations

import inspect

import pytest
import sqlalchemy as sa
from mlflow.entities import Metric
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from sqlalchemy.orm import sessionmaker

from aml_plugins.mlflow_store.fast.seams import managed_sessions, metric_fields, metric_model
from aml_plugins.mlflow_store.fast.sessions import SET_UP_ALREADY, SETTINGS
from aml_plugins.mlflow_store.fast.tracking import FastTracking

OVERRIDDEN = {
    "_log_metrics_once": ["self", "run_id", "metrics"],
    "_search_runs": [
        "self",
        "experiment_ids",
        "filter_string",
        "run_view_type",
        "max_results",
        "order_by",
        "page_token",
    ],
    "log_batch": ["self", "run_id", "metrics", "params", "tags"],
    "create_run": ["self", "experiment_id", "user_id", "start_time", "tags", "run_name"],
    "get_metric_history": ["self", "run_id", "metric_key", "max_results", "page_token"],
    "get_metric_history_bulk": ["self", "run_ids", "metric_key", "max_results"],
    "get_metric_history_bulk_interval_from_steps": ["self", "run_id", "metric_key", "steps", "max_results"],
}


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_an_overridden_method_has_the_signature_of_the_one_below(name: str) -> None:
    ours = list(inspect.signature(getattr(FastTracking, name)).parameters)
    below = list(inspect.signature(getattr(WorkspaceAwareSqlAlchemyStore, name)).parameters)
    assert ours == below == OVERRIDDEN[name]


def test_nothing_else_of_the_store_is_overridden() -> None:
    ours = {name for base in FastTracking.__mro__[:-1] for name in vars(base) if not name.startswith("__")}
    shadowed = {name for name in ours if hasattr(WorkspaceAwareSqlAlchemyStore, name)}
    assert shadowed == set(OVERRIDDEN)


@pytest.mark.parametrize("caller", ["log_metric", "log_batch"])
def test_all_points_are_written_through_the_overridden_method(caller: str) -> None:
    assert "_log_metrics(" in inspect.getsource(getattr(WorkspaceAwareSqlAlchemyStore, caller))
    assert "_log_metrics_once" in inspect.getsource(WorkspaceAwareSqlAlchemyStore._log_metrics)


def test_a_metrics_fields_are_what_its_properties_say() -> None:
    metric = Metric("loss", 0.5, 7, 3, model_id="m-1")
    assert metric_fields(metric) == (metric.key, metric.value, metric.timestamp, metric.step)
    assert metric_model(metric) == metric.model_id == "m-1"


@pytest.mark.parametrize(
    ("kind", "expected"), [("sqlite", [f"PRAGMA {setting};" for setting in SETTINGS]), (SET_UP_ALREADY, [])]
)
def test_a_session_of_mlflows_sets_up_what_our_connections_are_given(kind: str, expected: list[str]) -> None:
    engine, seen = sa.create_engine("sqlite://"), []
    sa.event.listen(engine, "before_cursor_execute", lambda *event: seen.append(event[2]))
    with managed_sessions(sessionmaker(bind=engine), kind)():
        pass
    assert seen == expected
