# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""Run history in MLflow's own database, in this process: neither MLflow's fluent API nor a server in between."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import entities  # noqa: TID253  a leaf: imported by open_context() when a history is needed
from mlflow.exceptions import MlflowException  # noqa: TID253  as above
from mlflow.store.artifact.artifact_repo import ArtifactRepository  # noqa: TID253  as above
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_USER  # noqa: TID253  as above
from mlflow.utils.uri import append_to_uri_path  # noqa: TID253  as above

from aml_plugins.home import aml_home
from aml_plugins.mlflow_store import artifacts, models
from aml_plugins.mlflow_store.failures import ours
from aml_plugins.mlflow_store.locations import (
    database_uri,
    default_artifact_root,
    server_artifact_root,
    server_artifacts_destination,
)
from aml_plugins.mlflow_store.opened import opened_stores
from aml_plugins.mlflow_store.registry import ModelRegistryStore
from aml_plugins.mlflow_store.tracking import TrackingStore
from aml_plugins.runs.history import FileInfo, Metric, ModelVersion, RunHistory, RunView
from aml_plugins.runs.log_batches import in_log_batches
from aml_plugins.runs.run_files import SNAPSHOT_FOLDER
from aml_plugins.runs.states import MlflowStatus

__all__ = ["SqlRunHistory", "open_history"]

_PAGE = 1000
_PLACE_SECONDS = 2.0
_PLACES = 1000


def open_history(
    store_uri: str,
    workspace: str,
    artifact_root: str | None = None,
    script_access: Mapping[str, str] | None = None,
) -> RunHistory:
    """Open the run history of a workspace.

    :param artifact_root: where artifacts of new experiments go; None for the server's, if this process is one, else
        ``artifacts`` beside the database.
    :param script_access: variables with which scripts reach the tracking server; None: they get the database itself.
    :raises StoreError: where the database cannot be opened.
    """
    with ours():
        root = artifact_root or server_artifact_root() or default_artifact_root(store_uri)
        tracking, registry = opened_stores(store_uri, root)
        bound = tracking.in_workspace(workspace), registry.in_workspace(workspace)
        return SqlRunHistory(*bound, store_uri, workspace, script_access)


class SqlRunHistory:
    """Implements :class:`aml_plugins.runs.history.RunHistory`. Safe to share between threads."""

    def __init__(
        self,
        tracking: TrackingStore,
        registry: ModelRegistryStore,
        store_uri: str,
        workspace: str,
        script_access: Mapping[str, str] | None = None,
    ) -> None:
        self._tracking = tracking
        self._registry = registry
        self._workspace = workspace
        self._store_uri = store_uri
        database = {"MLFLOW_TRACKING_URI": database_uri(store_uri), "MLFLOW_ENABLE_WORKSPACES": "true"}
        self._script_access = database if script_access is None else script_access
        self._places: dict[str, tuple[float, tuple[str, str]]] = {}

    def ensure_experiment(self, name: str) -> str:
        with ours():
            experiment, stage = self._tracking.find_experiment(name) or self._new_experiment(name)
            if stage == entities.LifecycleStage.DELETED:
                self._tracking.restore_experiment(experiment)
            return experiment

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
        known = {MLFLOW_USER: user, MLFLOW_PARENT_RUN_ID: parent_run_id}
        with ours():
            place = self._tracking.create_run_with_id(
                run_id,
                experiment_id,
                run_name=name,
                tags={**{key: value for key, value in known.items() if value}, **tags},
                user_id=user,
                start_time=start_time,
                artifact_root=None if server_artifacts_destination() else self._tracking.artifact_root_uri,
            )
        self._remember(run_id, place)

    def set_status(
        self,
        run_id: str,
        status: MlflowStatus,
        *,
        end_time: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        with ours():
            self._tracking.set_run_status(run_id, status, end_time, tags)

    def log(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        points = (entities.Metric(m.key, m.value, m.timestamp, m.step) for m in metrics)
        some_params = (entities.Param(*item) for item in (params or {}).items())
        some_tags = (entities.RunTag(*item) for item in (tags or {}).items())
        with ours():
            for batch in in_log_batches(points, some_params, some_tags):
                self._tracking.log_batch(run_id, *batch)

    def upload(self, run_id: str, local: Path, artifact_path: str = "") -> None:
        path = artifacts.check_path(artifact_path)
        with ours():
            uri = self._place(run_id)[0]
            place = artifacts.directory_of(uri) or artifacts.repository(uri, self._workspace, self._store_uri)
            artifacts.upload(place, local, path, linkable=[aml_home()])

    def attach_snapshot(self, run_id: str, zip_file: Path, digest: str) -> None:
        del digest  # the file is as near as the datastore's, and is linked where that can be
        self.upload(run_id, zip_file, SNAPSHOT_FOLDER)

    def files(self, run_id: str, path: str = "") -> Sequence[FileInfo]:
        with ours():
            return artifacts.files(self._repository(run_id), path)

    def download(self, run_id: str, path: str, destination: Path) -> Path:
        with ours():
            return artifacts.download(self._repository(run_id), path, destination)

    def local_file(self, run_id: str, path: str) -> Path | None:
        """Return where a file of the run lies on this machine, None where it does not."""
        with ours():
            return artifacts.local_file(self._repository(run_id), path)

    def get(self, run_id: str) -> RunView:
        with ours():
            return _view(self._tracking.get_run(run_id))

    def metric_history(self, run_id: str, key: str) -> Sequence[Metric]:
        with ours():
            self._tracking.run_artifact_uri(run_id)  # MLflow answers an unknown run with no points
            points = self._tracking.get_metric_history(run_id, key)
        return [Metric(point.key, point.value, point.timestamp, point.step) for point in points]

    def children(self, run_id: str) -> Sequence[RunView]:
        found: list[RunView] = []
        token = None
        with ours():
            experiment = self._tracking.get_run(run_id).info.experiment_id
            while True:
                page = self._tracking.search_runs(
                    [experiment],
                    f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{run_id}'",
                    entities.ViewType.ACTIVE_ONLY,
                    _PAGE,
                    ["attributes.start_time ASC"],
                    token,
                )
                found += [_view(run) for run in page]
                token = page.token
                if not token:
                    return found

    def register_model(
        self, name: str, run_id: str, path: str, *, tags: Mapping[str, str] | None = None
    ) -> ModelVersion:
        path = artifacts.check_path(path)
        with ours():
            uri = self._tracking.run_artifact_uri(run_id)
            if not path or not artifacts.exists(artifacts.repository(uri, self._workspace, self._store_uri), path):
                raise artifacts.no_such_file(path)
            return models.register_version(self._registry, name, append_to_uri_path(uri, path), run_id, tags or {})

    def models(self, name: str | None = None) -> Sequence[ModelVersion]:
        with ours():
            if name is None:
                return models.newest_versions(self._registry)
            return models.all_versions(self._registry, name)

    def version_of_alias(self, name: str, alias: str) -> str:
        with ours():
            return str(self._registry.get_model_version_by_alias(name, alias).version)

    def download_model(self, name: str, version: str, destination: Path) -> Path:
        with ours():
            return models.download_model(self._registry, name, version, destination, self._workspace)

    def script_variables(self, run_id: str) -> Mapping[str, str]:
        """Return what plain MLflow needs: nothing of ours has to be installed where the script runs."""
        with ours():
            experiment = self._place(run_id)[1]
        if not self._script_access:
            return {}
        return {
            **self._script_access,
            "MLFLOW_WORKSPACE": self._workspace,
            "MLFLOW_EXPERIMENT_ID": experiment,
            "MLFLOW_RUN_ID": run_id,
        }

    def _new_experiment(self, name: str) -> tuple[str, str]:
        try:
            self._tracking.create_experiment(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was faster
                raise
        made = self._tracking.find_experiment(name)
        if made is None:  # deleted for good in this very moment
            raise MlflowException(f"The experiment {name!r} is gone")
        return made

    def _place(self, run_id: str) -> tuple[str, str]:
        """Return where the run's artifacts lie, and its experiment.

        Remembered for a moment, in which nobody asks whether the run was deleted for good.
        """
        known = self._places.get(run_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        place = self._tracking.run_place(run_id)
        self._remember(run_id, place)
        return place

    def _remember(self, run_id: str, place: tuple[str, str]) -> None:
        if len(self._places) >= _PLACES:
            self._places.clear()
        self._places[run_id] = (time.monotonic() + _PLACE_SECONDS, place)

    def _repository(self, run_id: str) -> ArtifactRepository:
        return artifacts.repository(self._tracking.run_artifact_uri(run_id), self._workspace, self._store_uri)


def _view(run: Any) -> RunView:
    return RunView(
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        name=run.info.run_name or "",
        status=run.info.status,
        start_time=run.info.start_time,
        end_time=run.info.end_time,
        metrics=dict(run.data.metrics),
        params=dict(run.data.params),
        tags=dict(run.data.tags),
        artifact_uri=run.info.artifact_uri,
    )
