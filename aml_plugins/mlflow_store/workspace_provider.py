"""Workspaces: MLflow's, under our URIs. Deleting one takes what we keep about it along."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow.entities.workspace import WorkspaceDeletionMode  # noqa: TID253  a leaf: imported with a store
from mlflow.exceptions import MlflowException  # noqa: TID253  as above
from mlflow.protos.databricks_pb2 import INVALID_STATE  # noqa: TID253  as above
from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore  # noqa: TID253  as above

from aml_plugins.mlflow_store.engines import close_together, tune
from aml_plugins.mlflow_store.failures import to_mlflow
from aml_plugins.mlflow_store.jobs import release_runs
from aml_plugins.mlflow_store.locations import is_in_memory, make_directory
from aml_plugins.store.interface import Store
from aml_plugins.store.opening import open_store, plain_uri
from aml_plugins.store.records import RunRecord

__all__ = ["WorkspaceProvider", "open_workspace_provider"]

_PAGE = 1000


class WorkspaceProvider(SqlAlchemyStore):
    """MLflow's workspace store beside our tables."""

    def __init__(self, db_uri: str) -> None:
        make_directory(db_uri)
        # Ours first: it says at once what is wrong with a database where MLflow tries for minutes.
        self.jobs = None if is_in_memory(db_uri) else open_store(db_uri)
        super().__init__(plain_uri(db_uri))
        tune(self._engine)
        if self.jobs is not None:
            close_together(self._engine, self.jobs)

    def delete_workspace(
        self, workspace_name: str, mode: WorkspaceDeletionMode = WorkspaceDeletionMode.RESTRICT
    ) -> None:
        """Delete, with the snapshots of its runs released and our settings of the workspace gone.

        :raises MlflowException: also where runs in it have not ended, and where SET_DEFAULT would move runs away from
            their snapshots.
        """
        if self.jobs is None:
            super().delete_workspace(workspace_name, mode)
            return
        with to_mlflow():
            runs = _runs(self.jobs, workspace_name)
            _check(workspace_name, runs, mode)
            super().delete_workspace(workspace_name, mode)
            release_runs(self.jobs, [run.run_id for run in runs])
            if self.jobs.workspaces.find(workspace_name) is not None:
                self.jobs.workspaces.remove(workspace_name)


def open_workspace_provider(workspace_uri: str) -> WorkspaceProvider:
    """Open the provider.

    :raises MlflowException: where the database cannot be opened.
    """
    with to_mlflow():
        return WorkspaceProvider(workspace_uri)


def _check(workspace: str, runs: Sequence[RunRecord], mode: WorkspaceDeletionMode) -> None:
    active = [run.run_id for run in runs if run.ended_at is None]
    if active:
        raise MlflowException(
            f"Workspace '{workspace}' has {len(active)} runs that have not ended, such as {active[0]}. "
            "Cancel them first.",
            INVALID_STATE,
        )
    if runs and mode == WorkspaceDeletionMode.SET_DEFAULT:
        raise MlflowException(
            f"Workspace '{workspace}' has {len(runs)} runs with snapshots, which stay in their workspace. "
            "Delete it with its contents (CASCADE), or keep it.",
            INVALID_STATE,
        )


def _runs(store: Store, workspace: str) -> Sequence[RunRecord]:
    found: list[RunRecord] = []
    page = store.runs.list(workspace, limit=_PAGE)
    while page:
        found += page
        page = store.runs.list(workspace, limit=_PAGE, before=(page[-1].created_at, page[-1].run_id))
    return found
