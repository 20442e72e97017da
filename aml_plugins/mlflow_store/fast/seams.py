"""What the fast overrides use of MLflow's insides, with types, in one place.

MLflow's SQL store is not annotated and most of what is needed here is private to it. A new MLflow that moves one of
these names breaks this module and ``test_seams.py``, not a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from mlflow.entities import (  # noqa: TID253 - a leaf: loaded only together with MLflow's own store
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
    RunTag,
    SourceType,
)
from mlflow.entities.entity_type import EntityAssociationType  # noqa: TID253 - as above
from mlflow.entities.metric import MetricWithRunId  # noqa: TID253 - as above
from mlflow.exceptions import MlflowException  # noqa: TID253 - as above
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR  # noqa: TID253 - as above
from mlflow.store.db import utils as db_utils  # noqa: TID253 - as above
from mlflow.store.entities import PagedList  # noqa: TID253 - as above
from mlflow.store.tracking.dbmodels import models  # noqa: TID253 - as above
from mlflow.utils import mlflow_tags, name_utils, search_utils, uri, validation  # noqa: TID253 - as above
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from sqlalchemy.orm import Query

__all__ = [
    "INTERNAL_ERROR",
    "EntityAssociationType",
    "LifecycleStage",
    "Metric",
    "MetricWithRunId",
    "MlflowException",
    "PagedList",
    "Param",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "SourceType",
    "models",
]

experiments = cast("sa.Table", models.SqlExperiment.__table__)
runs = cast("sa.Table", models.SqlRun.__table__)
tags = cast("sa.Table", models.SqlTag.__table__)
params = cast("sa.Table", models.SqlParam.__table__)
metrics = cast("sa.Table", models.SqlMetric.__table__)
latest_metrics = cast("sa.Table", models.SqlLatestMetric.__table__)
datasets = cast("sa.Table", models.SqlDataset.__table__)
inputs = cast("sa.Table", models.SqlInput.__table__)
input_tags = cast("sa.Table", models.SqlInputTag.__table__)

RUN_NAME_TAG: str = mlflow_tags.MLFLOW_RUN_NAME
DATASET_CONTEXT_TAG: str = mlflow_tags.MLFLOW_DATASET_CONTEXT

Comparison = Callable[[sa.ColumnElement[Any], Any], sa.ColumnElement[bool]]
SearchUtils: Any = search_utils.SearchUtils
comparison_function: Callable[[str, str], Comparison] = SearchUtils.get_sql_comparison_func
parse_offset: Callable[[str | None], int] = SearchUtils.parse_start_offset_from_page_token
page_token_at: Callable[[int], str] = SearchUtils.create_page_token
run_attribute: Callable[[str], str] = models.SqlRun.get_attribute_name
stages_of_view: Callable[[int], list[str]] = LifecycleStage.view_type_to_stages
run_name_of_tags: Callable[[Sequence[RunTag]], str | None] = mlflow_tags._get_run_name_from_tags  # noqa: SLF001 - see top
random_run_name: Callable[[], str] = name_utils._generate_random_name  # noqa: SLF001 - see top
parse_experiment_ids: Callable[[Any], list[int]] = validation._parse_experiment_ids  # noqa: SLF001 - see top
validate_run_id: Callable[[Any], None] = validation._validate_run_id  # noqa: SLF001 - see top
validate_limits: Callable[..., None] = validation._validate_batch_log_limits  # noqa: SLF001 - see top
validate_metric: Callable[..., None] = validation._validate_metric  # noqa: SLF001 - see top
managed_sessions: Callable[..., Callable[..., AbstractContextManager[Session]]] = db_utils._get_managed_session_maker  # noqa: SLF001 - see top
append_to_uri: Callable[..., str] = uri.append_to_uri_path
# Of a Metric itself, not of a subclass, which may have other properties: a property costs a call, a thousand times a
# batch.
metric_fields: Callable[[Metric], tuple[Any, Any, Any, Any]] = attrgetter("_key", "_value", "_timestamp", "_step")
metric_model: Callable[[Metric], Any] = attrgetter("_model_id")

if TYPE_CHECKING:

    class StoreBelow:
        """The part of MLflow's store that stands below the mixins; for the type checker only."""

        db_type: str
        ManagedSessionMaker: Callable[..., AbstractContextManager[Session]]

        @property
        def supports_workspaces(self) -> bool: ...
        def _get_active_workspace(self) -> str: ...
        def _get_dialect(self) -> str: ...
        def _get_query(self, session: Session, model: type) -> Query[Any]: ...
        def _get_run(self, session: Session, run_uuid: str) -> Any: ...
        def _check_run_is_active(self, run: Any) -> None: ...
        def _check_experiment_is_active(self, experiment: Any) -> None: ...
        def _validate_run_accessible(self, session: Session, run_id: str) -> None: ...
        def _validate_max_results_param(self, max_results: int | None, *, allow_null: bool) -> None: ...
        def _filter_experiment_ids(self, session: Session, experiment_ids: list[int]) -> list[int]: ...
        def _filter_entity_ids(self, session: Session, entity_type: str, entity_ids: list[str]) -> list[str]: ...
        def _get_run_inputs(self, session: Session, run_uuids: list[str]) -> list[list[Any]]: ...
        def _get_model_outputs_bulk(self, run_ids: list[str], session: Session) -> dict[str, list[Any]]: ...
        def log_batch(
            self, run_id: str, metrics: Sequence[Any], params: Sequence[Param], tags: Sequence[RunTag]
        ) -> None: ...
        def _log_metrics(self, run_id: str, metrics: Sequence[Any]) -> None: ...
        def _log_metrics_once(self, run_id: str, metrics: Sequence[Any]) -> None: ...
        def sanitize_metric_value(self, metric_value: float) -> tuple[bool, float]: ...
        def get_experiment(self, experiment_id: str) -> Any: ...
        def get_run(self, run_id: str) -> Run: ...
        def create_run(
            self, experiment_id: str, user_id: str, start_time: int, tags: list[RunTag] | None, run_name: str | None
        ) -> Run: ...
        def get_metric_history(
            self, run_id: str, metric_key: str, max_results: int | None = ..., page_token: str | None = ...
        ) -> PagedList[Metric]: ...
        def get_metric_history_bulk(
            self, run_ids: list[str], metric_key: str, max_results: int
        ) -> list[MetricWithRunId]: ...
        def get_metric_history_bulk_interval_from_steps(
            self, run_id: str, metric_key: str, steps: list[int], max_results: int
        ) -> list[MetricWithRunId]: ...
        def _search_runs(  # noqa: PLR0917 - MLflow's signature
            self,
            experiment_ids: list[str],
            filter_string: str | None,
            run_view_type: int,
            max_results: int | None,
            order_by: list[str] | None,
            page_token: str | None,
        ) -> tuple[list[Run], str | None]: ...

else:
    StoreBelow = object
