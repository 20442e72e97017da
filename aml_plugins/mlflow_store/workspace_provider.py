"""Workspaces: MLflow's, under our URIs. Deleting one takes what we keep about it along."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from mlflow.entities.workspace import Workspace, WorkspaceDeletionMode  # noqa: TID253  a leaf: imported with a store
from mlflow.exceptions import MlflowException  # noqa: TID253  as above
from mlflow.protos.databricks_pb2 import INVALID_STATE  # noqa: TID253  as above
from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore  # noqa: TID253  as above
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME  # noqa: TID253  as above
from sqlalchemy import make_url

from aml_plugins.errors import NotFoundError
from aml_plugins.mlflow_store.beside import open_beside
from aml_plugins.mlflow_store.contents import count_contents, delete_artifacts, has_artifacts_in_datastores
from aml_plugins.mlflow_store.engines import close_together, making_tables, tune
from aml_plugins.mlflow_store.failures import to_mlflow
from aml_plugins.mlflow_store.locations import chosen_artifact_root, make_directory
from aml_plugins.store.interface import Store
from aml_plugins.store.opening import plain_uri
from aml_plugins.workspaces.emptying import empty_workspace
from aml_plugins.workspaces.settings import close_workspace, reopen_workspace
from aml_plugins.workspaces.wording import counted

__all__ = ["WorkspaceProvider", "open_workspace_provider"]


class WorkspaceProvider(SqlAlchemyStore):
    """MLflow's workspace store beside our tables."""

    def __init__(self, db_uri: str) -> None:
        make_directory(db_uri)
        # Ours first: it says at once what is wrong with a database where MLflow tries for minutes.
        self.jobs = open_beside(db_uri)
        with making_tables(make_url(plain_uri(db_uri))):
            super().__init__(plain_uri(db_uri))
        if self.jobs is not None:
            tune(self._engine)
            close_together(self._engine, self.jobs)

    def resolve_artifact_root(self, default_artifact_root: str | None, workspace_name: str) -> tuple[str | None, bool]:
        """Return where new experiments keep artifacts: in the datastore that the workspace chose for them, if any."""
        chosen = chosen_artifact_root(self.jobs, workspace_name)
        if chosen:
            return chosen, False
        root: tuple[str | None, bool] = super().resolve_artifact_root(default_artifact_root, workspace_name)
        return root

    def create_workspace(self, workspace: Workspace) -> Workspace:
        """Create; what a deletion that was killed half-way left of an earlier one of this name goes first."""
        if self.jobs is not None:
            with to_mlflow():
                _forget_leftovers(self, self.jobs, workspace.name)
        created: Workspace = super().create_workspace(workspace)
        return created

    def delete_workspace(
        self, workspace_name: str, mode: WorkspaceDeletionMode = WorkspaceDeletionMode.RESTRICT
    ) -> None:
        """Delete. Our part goes first, and the settings last: repeating it finishes what was begun.

        :raises MlflowException: also where runs in it have not ended, where RESTRICT would take compute targets and
            the like along, and where SET_DEFAULT would move runs away from their files.
        """
        unknown = mode not in tuple(WorkspaceDeletionMode)
        if self.jobs is None or unknown or workspace_name == DEFAULT_WORKSPACE_NAME:  # MLflow refuses the latter two
            super().delete_workspace(workspace_name, mode)
            return
        with to_mlflow():
            self.get_workspace(workspace_name)
            self._check(self.jobs, workspace_name, mode)
            if mode == WorkspaceDeletionMode.SET_DEFAULT:  # MLflow may refuse it yet; what stays behind is nobody's
                close_workspace(self.jobs, workspace_name)
                self._delete_in_mlflow(self.jobs, workspace_name, mode)
                empty_workspace(self.jobs, workspace_name)
            else:
                empty_workspace(self.jobs, workspace_name)
                if mode == WorkspaceDeletionMode.CASCADE:
                    with self.ManagedSessionMaker() as session:
                        delete_artifacts(session, workspace_name)
                self._delete_in_mlflow(self.jobs, workspace_name, mode)
            with suppress(NotFoundError):
                self.jobs.workspaces.remove(workspace_name)

    def _delete_in_mlflow(self, store: Store, workspace: str, mode: WorkspaceDeletionMode) -> None:
        try:
            super().delete_workspace(workspace, mode)
        except MlflowException:
            reopen_workspace(store, workspace)
            raise

    def contents(self, workspace_name: str) -> Mapping[str, int]:
        """Count what MLflow keeps of a workspace; see ``contents.py``."""
        with self.ManagedSessionMaker() as session:
            return count_contents(session, workspace_name)

    def _check(self, store: Store, workspace: str, mode: WorkspaceDeletionMode) -> None:
        ours = dict(store.workspaces.contents(workspace))
        active = ours.pop("runs that have not ended", 0)
        if active:
            what = counted({"runs that have not ended": active})
            raise MlflowException(f"The workspace '{workspace}' has {what}. Cancel them first.", INVALID_STATE)
        if mode == WorkspaceDeletionMode.SET_DEFAULT and ours:
            raise MlflowException(
                f"The workspace '{workspace}' has {counted(ours)}, which stay in their workspace. "
                "Delete it with its contents, or keep it.",
                INVALID_STATE,
            )
        if mode == WorkspaceDeletionMode.SET_DEFAULT and self._keeps_artifacts_in_datastores(workspace):
            raise MlflowException(
                f"Experiments of the workspace '{workspace}' have their artifacts in its datastores, where another "
                "workspace does not find them. Delete it with its contents, or keep it.",
                INVALID_STATE,
            )
        everything = {**ours, **self.contents(workspace)}
        if mode == WorkspaceDeletionMode.RESTRICT and everything:
            raise MlflowException(
                f"The workspace '{workspace}' still contains {counted(everything)}. "
                "Delete it with its contents, or keep it.",
                INVALID_STATE,
            )

    def _keeps_artifacts_in_datastores(self, workspace: str) -> bool:
        with self.ManagedSessionMaker() as session:
            return has_artifacts_in_datastores(session, workspace)


def open_workspace_provider(workspace_uri: str) -> WorkspaceProvider:
    """Open the provider.

    :raises MlflowException: where the database cannot be opened.
    """
    with to_mlflow():
        return WorkspaceProvider(workspace_uri)


def _forget_leftovers(provider: WorkspaceProvider, store: Store, name: str) -> None:
    # Looked for before MLflow is asked: what somebody adds who creates the workspace now is not found.
    if store.workspaces.find(name) is None and not store.workspaces.contents(name):
        return
    try:
        provider.get_workspace(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        empty_workspace(store, name)
        with suppress(NotFoundError):  # by another who creates it now
            store.workspaces.remove(name)
