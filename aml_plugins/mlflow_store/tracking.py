# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""The tracking store: MLflow's, with our tables beside it, jobs behind its runs and bulk statements underneath."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES  # noqa: TID253  a leaf: imported with a store
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: TID253  as above
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore  # noqa: TID253  as above

from aml_plugins.mlflow_store import locations
from aml_plugins.mlflow_store.artifact_root import ArtifactRoot
from aml_plugins.mlflow_store.beside import open_beside
from aml_plugins.mlflow_store.bound import WorkspaceBound
from aml_plugins.mlflow_store.engines import close_together, prepare_database, tune, watch
from aml_plugins.mlflow_store.failures import to_mlflow
from aml_plugins.mlflow_store.jobs import JobAware
from aml_plugins.store.opening import plain_uri

if TYPE_CHECKING:
    from aml_plugins.mlflow_store.fast.tracking import FastTracking

    _Base = SqlAlchemyStore
elif os.environ.get("AML_FAST_STORE") == "0":

    class FastTracking:
        """Nothing: MLflow's own statements, for comparison and in need."""

    _Base = object
else:
    from aml_plugins.mlflow_store.fast.tracking import FastTracking

    _Base = object

__all__ = ["SingleWorkspaceTrackingStore", "TrackingStore", "open_tracking_store"]


class _Opening(_Base):
    """Opens our store and MLflow's on one database."""

    def __init__(self, db_uri: str, default_artifact_root: str | None = None, read_db_uri: str | None = None) -> None:
        uri = plain_uri(db_uri)
        locations.make_directory(uri)
        # Ours first: it says at once what is wrong with a database where MLflow tries for minutes.
        self.jobs = open_beside(db_uri)
        prepare_database(self._get_or_create_engine(uri))
        root = default_artifact_root or locations.default_artifact_root(uri)
        super().__init__(uri, root, read_db_uri=plain_uri(read_db_uri) if read_db_uri else None)
        if self.jobs is not None:
            tune(self.engine)
            close_together(self.engine, self.jobs)
            provider = getattr(self, "_workspace_provider", None)  # MLflow's own, opened just now and kept for ever
            if provider is not None:
                watch(provider._engine)  # noqa: SLF001  it has no other name


_WorkspaceAware = WorkspaceAwareSqlAlchemyStore


class SingleWorkspaceTrackingStore(JobAware, _Opening, FastTracking, SqlAlchemyStore):  # type: ignore[misc]  # the mixins refine MLflow's signatures
    """What MLflow opens where workspaces are off; it refuses a database that has others than ``default``."""


class TrackingStore(ArtifactRoot, WorkspaceBound, SingleWorkspaceTrackingStore, _WorkspaceAware):  # type: ignore[misc]  # as above
    """For servers and clients with workspaces, and for our own run history.

    Its classes descend from each other as MLflow's do: who asks what a store is, or replaces a method of the store
    without workspaces, means this one, too.
    """


def open_tracking_store(
    store_uri: str, artifact_uri: str | None = None
) -> TrackingStore | SingleWorkspaceTrackingStore:
    """Open the store as MLflow opens its own for a plain database URI.

    :raises MlflowException: where the database cannot be opened.
    """
    kind = TrackingStore if MLFLOW_ENABLE_WORKSPACES.get() else SingleWorkspaceTrackingStore
    with to_mlflow():
        return kind(store_uri, artifact_uri or locations.server_artifact_root(), locations.server_read_replica())
