"""Run history behind a server."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aml_plugins.errors import (
    AlreadyExistsError,
    BackendError,
    InvalidInputError,
    NotFoundError,
    OperationFailedError,
    PluginError,
)
from aml_plugins.mlflow_rest import run_files
from aml_plugins.mlflow_rest.api import MlflowApi, metric_of, model_of, point_of, view_of
from aml_plugins.runs.history import FileInfo, Metric, ModelVersion, RunHistory, RunView
from aml_plugins.runs.log_batches import in_log_batches
from aml_plugins.runs.run_files import SNAPSHOT_FOLDER, check_path
from aml_plugins.runs.states import MlflowStatus
from aml_plugins.store.rest.asking import create
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.store import connect

__all__ = ["RestRunHistory", "open_history"]

logger = logging.getLogger(__name__)

_PAGE = 1000
_MODELS_PAGE = 100


def open_history(uri: str, workspace: str) -> RunHistory:
    """Open the run history of a workspace; nothing is asked yet."""
    return RestRunHistory(connect(uri), workspace)


class RestRunHistory:
    """Implements :class:`aml_plugins.runs.history.RunHistory`. Safe to share between threads."""

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._workspace = workspace
        self._mlflow = MlflowApi(connection, workspace)
        self._created = ("", "")

    def ensure_experiment(self, name: str) -> str:
        found = self._experiment(name)
        if found is None:
            try:
                return str(self._mlflow.post("experiments/create", name=name)["experiment_id"])
            except AlreadyExistsError:  # another process was faster
                found = self._experiment(name)
        if found is None:
            raise NotFoundError(f"The experiment '{name}' is gone.", "Submit again.")
        if found.get("lifecycle_stage") == "deleted":
            self._mlflow.post("experiments/restore", experiment_id=found["experiment_id"])
        return str(found["experiment_id"])

    def create_run(
        self,
        run_id: str,
        experiment_id: str,
        *,
        name: str | None,
        tags: Mapping[str, str],
        user: str = "",
        parent_run_id: str | None = None,
        start_time: int | None = None,
    ) -> None:
        body = {
            "experiment_id": experiment_id,
            "name": name,
            "tags": tags,
            "user": user,
            "parent_run_id": parent_run_id,
            "start_time": start_time,
        }
        self._connection.call("PUT", self._run(run_id), body=body)
        self._created = (run_id, experiment_id)

    def set_status(
        self,
        run_id: str,
        status: MlflowStatus,
        *,
        end_time: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        body = {"status": status, "end_time": end_time, "tags": tags or {}}
        self._connection.call("PATCH", self._run(run_id), body=body)

    def log(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        for some_metrics, some_params, some_tags in in_log_batches(
            map(point_of, metrics), _pairs(params), _pairs(tags)
        ):
            self._mlflow.post("runs/log-batch", run_id=run_id, metrics=some_metrics, params=some_params, tags=some_tags)

    def upload(self, run_id: str, local: Path, artifact_path: str = "") -> None:
        run_files.upload(self._connection, self._artifacts(run_id), local, check_path(artifact_path))

    def attach_snapshot(self, run_id: str, zip_file: Path, digest: str) -> None:
        """Have the server take it from its datastore, else send it: we may reach one that the server does not."""
        try:
            self._connection.call("PUT", f"{self._run(run_id)}/snapshots/{digest}")
        except (InvalidInputError, OperationFailedError, BackendError, PluginError) as refusal:
            logger.debug("The server cannot take the snapshot from its datastore: %s", refusal)
            self.upload(run_id, zip_file, SNAPSHOT_FOLDER)

    def files(self, run_id: str, path: str = "") -> Sequence[FileInfo]:
        return run_files.files(self._connection, self._artifacts(run_id), path)

    def download(self, run_id: str, path: str, destination: Path) -> Path:
        return run_files.download(self._connection, self._artifacts(run_id), path, destination)

    def get(self, run_id: str) -> RunView:
        return view_of(self._mlflow.get("runs/get", run_id=run_id)["run"])

    def metric_history(self, run_id: str, key: str) -> Sequence[Metric]:
        asked = {"run_id": run_id, "metric_key": key, "max_results": _PAGE}
        return [metric_of(point) for point in self._mlflow.pages("metrics", "GET", "metrics/get-history", **asked)]

    def children(self, run_id: str) -> Sequence[RunView]:
        found = self._mlflow.pages(
            "runs",
            "POST",
            "runs/search",
            experiment_ids=[self.get(run_id).experiment_id],
            filter=f"tags.`mlflow.parentRunId` = '{run_id}'",
            run_view_type="ACTIVE_ONLY",
            max_results=_PAGE,
            order_by=["attributes.start_time ASC"],
        )
        return [view_of(run) for run in found]

    def register_model(
        self, name: str, run_id: str, path: str, *, tags: Mapping[str, str] | None = None
    ) -> ModelVersion:
        body = {"name": name, "run_id": run_id, "path": check_path(path), "tags": tags or {}}
        return model_of(create(self._connection, "POST", path_of("workspaces", self._workspace, "models"), body))

    def models(self, name: str | None = None) -> Sequence[ModelVersion]:
        if name is None:
            return self._newest_versions()
        model = self._mlflow.get("registered-models/get", name=name)  # says so where there is none
        aliases = model.get("registered_model", {}).get("aliases", [])
        quote = '"' if "'" in name else "'"
        asked = {"filter": f"name = {quote}{name}{quote}", "max_results": _PAGE}
        pages = self._mlflow.pages("model_versions", "GET", "model-versions/search", **asked)
        found = (model_of(version, aliases) for version in pages)
        return sorted(found, key=_number, reverse=True)

    def version_of_alias(self, name: str, alias: str) -> str:
        found = self._mlflow.get("registered-models/alias", name=name, alias=alias)
        return model_of(found["model_version"]).version

    def download_model(self, name: str, version: str, destination: Path) -> Path:
        from aml_plugins.mlflow_rest.models import download_model  # noqa: PLC0415  seldom

        return download_model(self._connection, self._workspace, name, version, destination)

    def script_variables(self, run_id: str) -> Mapping[str, str]:
        """Return what plain MLflow needs to log to the server as whoever drives the run."""
        address = self._connection.address
        created, experiment = self._created  # what was created a moment ago, as most are whose script is to start
        return {
            "MLFLOW_TRACKING_URI": address.url,
            "MLFLOW_WORKSPACE": self._workspace,
            "MLFLOW_EXPERIMENT_ID": experiment if created == run_id else self.get(run_id).experiment_id,
            "MLFLOW_RUN_ID": run_id,
            **address.variables(),
        }

    def _experiment(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._mlflow.get("experiments/get-by-name", experiment_name=name)["experiment"]
        except NotFoundError:
            return None
        return found

    def _newest_versions(self) -> Sequence[ModelVersion]:
        asked = {"max_results": _MODELS_PAGE, "order_by": ["name ASC"]}
        found = self._mlflow.pages("registered_models", "GET", "registered-models/search", **asked)
        versions = ([model_of(version) for version in model.get("latest_versions", [])] for model in found)
        return [max(some, key=_number) for some in versions if some]

    def _run(self, run_id: str) -> str:
        return path_of("workspaces", self._workspace, "mlflow-runs", run_id)

    def _artifacts(self, run_id: str) -> str:
        return f"{self._run(run_id)}/artifacts"


def _pairs(texts: Mapping[str, str] | None) -> Iterator[dict[str, str]]:
    return ({"key": key, "value": value} for key, value in (texts or {}).items())


def _number(version: ModelVersion) -> int:
    return int(version.version)
