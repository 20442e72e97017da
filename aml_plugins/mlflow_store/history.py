# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""Run history in MLflow's own database, in this process: neither MLflow's fluent API nor a server in between.

What most people need goes to MLflow's tables directly (``mlflow_tables/``); MLflow, whose import costs seconds, is
opened for the rest: params, deleted experiments, unusual names, artifacts that are in no directory of this machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.errors import AlreadyExistsError, StoreError
from aml_plugins.home import aml_home
from aml_plugins.mlflow_store.datastore_files import DatastoreFiles, is_in_datastore
from aml_plugins.mlflow_store.failures import ours
from aml_plugins.mlflow_store.local_files import LocalFiles, directory_of
from aml_plugins.mlflow_store.locations import (
    chosen_artifact_root,
    database_uri,
    default_artifact_root,
    server_artifact_root,
    server_artifacts_destination,
)
from aml_plugins.mlflow_tables import logged, model_writes, models
from aml_plugins.mlflow_tables.experiments import create_experiment
from aml_plugins.mlflow_tables.places import below
from aml_plugins.mlflow_tables.reads import (
    Experiment,
    Place,
    find_experiment,
    read_children,
    read_metric,
    read_place,
    read_run,
)
from aml_plugins.mlflow_tables.revision import are_ready
from aml_plugins.mlflow_tables.writes import DELETED, NewRun, create_run, set_status
from aml_plugins.runs.history import FileInfo, Metric, ModelVersion, RunHistory, RunView
from aml_plugins.runs.log_batches import in_log_batches
from aml_plugins.runs.run_files import SNAPSHOT_FOLDER, check_path, no_such_file
from aml_plugins.runs.states import MlflowStatus
from aml_plugins.store.sql.store import SqlStore

if TYPE_CHECKING:
    from aml_plugins.mlflow_store.artifacts import Files
    from aml_plugins.mlflow_store.registry import ModelRegistryStore
    from aml_plugins.mlflow_store.tracking import TrackingStore
    from aml_plugins.store.interface import Store

__all__ = ["SqlRunHistory", "open_history"]

_PLACE_SECONDS = 2.0
_PLACES = 1000


def open_history(
    store_uri: str,
    workspace: str,
    artifact_root: str | None = None,
    script_access: Mapping[str, str] | None = None,
    store: Store | None = None,
) -> RunHistory:
    """Open the run history of a workspace.

    :param artifact_root: where artifacts of new experiments go; None for the server's, if this process is one, else
        ``artifacts`` beside the database.
    :param script_access: variables with which scripts reach the tracking server; None: they get the database itself.
    :param store: the same database, where it is open; None for what MLflow's stores open, and close with them.
    :raises StoreError: where the database cannot be opened.
    """
    root = artifact_root or server_artifact_root() or default_artifact_root(store_uri)
    opened = _store_beside(store_uri, root) if store is None else store
    assert isinstance(opened, SqlStore)  # noqa: S101  its URI is a database's
    history = SqlRunHistory(opened, workspace, store_uri, root, script_access)
    if not are_ready(opened.database):
        history.open_mlflow()
    return history


def _store_beside(store_uri: str, artifact_root: str) -> Store | None:
    from aml_plugins.mlflow_store.opened import opened_stores  # noqa: PLC0415  MLflow costs seconds

    with ours():
        return opened_stores(store_uri, artifact_root)[0].jobs


class SqlRunHistory:
    """Implements :class:`aml_plugins.runs.history.RunHistory`. Safe to share between threads."""

    def __init__(
        self,
        store: SqlStore,
        workspace: str,
        store_uri: str,
        artifact_root: str,
        script_access: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._database = store.database
        self._workspace = workspace
        self._store_uri = store_uri
        self._artifact_root = artifact_root
        database = {"MLFLOW_TRACKING_URI": database_uri(store_uri), "MLFLOW_ENABLE_WORKSPACES": "true"}
        self._script_access = database if script_access is None else script_access
        self._places: dict[str, tuple[float, Place]] = {}
        self._experiment: Experiment | None = None
        self._stores: tuple[TrackingStore, ModelRegistryStore] | None = None

    def open_mlflow(self) -> tuple[TrackingStore, ModelRegistryStore]:
        """Return MLflow's stores in this workspace, opened once; opening them makes or checks MLflow's tables."""
        if self._stores is None:
            from aml_plugins.mlflow_store.opened import opened_stores  # noqa: PLC0415  MLflow costs seconds

            with ours():
                tracking, registry = opened_stores(self._store_uri, self._artifact_root)
                self._stores = tracking.in_workspace(self._workspace), registry.in_workspace(self._workspace)
        return self._stores

    def ensure_experiment(self, name: str) -> str:
        found = find_experiment(self._database, self._workspace, name) or self._new_experiment(name)
        if found.stage == DELETED:
            tracking, _ = self.open_mlflow()
            with ours():
                tracking.restore_experiment(found.experiment_id)
        self._experiment = found
        return found.experiment_id

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
        new = NewRun(
            run_id=run_id,
            experiment_id=experiment_id,
            name=name,
            tags=tags,
            user=user,
            parent_run_id=parent_run_id,
            start_time=start_time,
        )

        def place_below(location: str) -> str:
            return below(self._reachable(location, experiment_id), run_id, "artifacts")

        read = self._experiment  # by this submission, mostly; one that is another by now is read again
        location = read.location if read is not None and read.experiment_id == experiment_id else None
        self._remember(run_id, create_run(self._database, self._workspace, new, place_below, location))

    def set_status(
        self,
        run_id: str,
        status: MlflowStatus,
        *,
        end_time: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        set_status(self._database, self._workspace, run_id, status, end_time=end_time, tags=tags)

    def log(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        if not params and logged.log(self._database, self._workspace, run_id, metrics, tags or {}):
            return
        tracking, _ = self.open_mlflow()
        from mlflow import entities

        points = (entities.Metric(m.key, m.value, m.timestamp, m.step) for m in metrics)
        some_params = (entities.Param(*item) for item in (params or {}).items())
        some_tags = (entities.RunTag(*item) for item in (tags or {}).items())
        with ours():
            for batch in in_log_batches(points, some_params, some_tags):
                tracking.log_batch(run_id, *batch)

    def upload(self, run_id: str, local: Path, artifact_path: str = "") -> None:
        self._upload(run_id, local, check_path(artifact_path), link=_is_below(local, aml_home()))

    def take(self, run_id: str, files: Iterable[tuple[str, str]]) -> bool:
        with ours():
            found = self._at(self._place(run_id).artifact_uri)
            if isinstance(found, LocalFiles):
                found.take(files)
            return isinstance(found, LocalFiles)

    def attach_snapshot(self, run_id: str, zip_file: Path, digest: str) -> None:
        del digest  # the file is as near as the datastore's, and is linked where that can be
        self._upload(run_id, zip_file, SNAPSHOT_FOLDER, link=True)

    def files(self, run_id: str, path: str = "") -> Sequence[FileInfo]:
        with ours():
            return self._files(run_id).files(path)

    def download(self, run_id: str, path: str, destination: Path) -> Path:
        with ours():
            return self._files(run_id).download(path, destination)

    def local_file(self, run_id: str, path: str) -> Path | None:
        """Return where a file of the run lies on this machine, None where it does not."""
        with ours():
            return self._files(run_id).local_file(path)

    def get(self, run_id: str) -> RunView:
        return read_run(self._database, self._workspace, run_id)

    def metric_history(self, run_id: str, key: str) -> Sequence[Metric]:
        read_place(self._database, self._workspace, run_id)  # says so where there is no such run
        return read_metric(self._database, run_id, key)

    def children(self, run_id: str) -> Sequence[RunView]:
        return read_children(self._database, self._workspace, run_id)

    def register_model(
        self, name: str, run_id: str, path: str, *, tags: Mapping[str, str] | None = None
    ) -> ModelVersion:
        path = check_path(path)
        uri = read_place(self._database, self._workspace, run_id).artifact_uri
        source = below(uri, path)
        with ours():
            if not path or not self._at(uri).exists(path):
                raise no_such_file(path)
            if model_writes.is_plain(name, source, tags or {}):
                new = ModelVersion(name=name, version="", source=source, run_id=run_id, tags=tags or {})
                return model_writes.register_version(self._database, self._workspace, new)
            _, registry = self.open_mlflow()
            from aml_plugins.mlflow_store.models import register_version  # noqa: PLC0415  MLflow is there by now

            return register_version(registry, name, source, run_id, tags or {})

    def models(self, name: str | None = None) -> Sequence[ModelVersion]:
        if name is None:
            return models.newest_versions(self._database, self._workspace)
        return models.all_versions(self._database, self._workspace, name)

    def version_of_alias(self, name: str, alias: str) -> str:
        return models.version_of_alias(self._database, self._workspace, name, alias)

    def download_model(self, name: str, version: str, destination: Path) -> Path:
        """Bring a version's file or directory below ``destination``, under its own name.

        A model that was logged with MLflow and registered there lies in ``m-ID/artifacts``: it takes the model's name.
        """
        source = models.source_of(self._database, self._workspace, name, version).rstrip("/")
        folder, _, last = source.rpartition("/")
        is_logged = last == "artifacts" and folder.rpartition("/")[2].startswith("m-")
        with ours():
            if is_logged and name not in {".", ".."}:
                return self._at(source).download("", destination / name)
            return self._at(folder).download(last, destination)

    def script_variables(self, run_id: str) -> Mapping[str, str]:
        """Return what plain MLflow needs: nothing of ours has to be installed where the script runs."""
        experiment = self._place(run_id).experiment_id
        if not self._script_access:
            return {}
        return {
            **self._script_access,
            "MLFLOW_WORKSPACE": self._workspace,
            "MLFLOW_EXPERIMENT_ID": experiment,
            "MLFLOW_RUN_ID": run_id,
        }

    def _new_experiment(self, name: str) -> Experiment:
        chosen = chosen_artifact_root(self._store, self._workspace)
        root = chosen or self._artifact_root
        if not create_experiment(self._database, self._workspace, name, root, is_chosen=chosen is not None):
            tracking, _ = self.open_mlflow()
            with suppress(AlreadyExistsError), ours():  # another process was faster
                tracking.create_experiment(name)
        made = find_experiment(self._database, self._workspace, name)
        if made is None:  # deleted for good in this very moment
            raise StoreError(f"The experiment {name!r} is gone.", "Submit again.")
        return made

    def _reachable(self, location: str, experiment_id: str) -> str:
        """Return where runs of an experiment go; a process beside the database cannot ask a server's proxy."""
        if not location.startswith("mlflow-artifacts:") or server_artifacts_destination():
            return location
        root = self.open_mlflow()[0].artifact_root_uri
        return below(root, "workspaces", self._workspace, experiment_id)

    def _place(self, run_id: str) -> Place:
        """Return where the run is.

        Remembered for a moment, in which nobody asks whether the run was deleted for good.
        """
        known = self._places.get(run_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        place = read_place(self._database, self._workspace, run_id)
        self._remember(run_id, place)
        return place

    def _remember(self, run_id: str, place: Place) -> None:
        if len(self._places) >= _PLACES:
            self._places.clear()
        self._places[run_id] = (time.monotonic() + _PLACE_SECONDS, place)

    def _upload(self, run_id: str, local: Path, path: str, *, link: bool) -> None:
        with ours():
            self._at(self._place(run_id).artifact_uri).upload(local, path, link=link)

    def _files(self, run_id: str) -> Files:
        return self._at(read_place(self._database, self._workspace, run_id).artifact_uri)

    def _at(self, uri: str) -> Files:
        directory = directory_of(uri)
        if directory is not None:
            return LocalFiles(directory)
        if is_in_datastore(uri):
            return DatastoreFiles(uri, self._workspace, self._store_uri)
        from aml_plugins.mlflow_store.artifacts import files_at  # noqa: PLC0415  MLflow costs seconds

        return files_at(uri, self._workspace, self._store_uri)


def _is_below(local: Path, root: Path) -> bool:
    return os.path.realpath(local).startswith(os.path.join(os.path.realpath(root), ""))  # noqa: PTH118  keeps the slash
