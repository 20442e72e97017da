# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""The model registry: MLflow's, under our URIs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES  # noqa: TID253  a leaf: imported with a store
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore  # noqa: TID253  as above
from mlflow.store.model_registry.sqlalchemy_workspace_store import (  # noqa: TID253  as above
    WorkspaceAwareSqlAlchemyStore,
)

from aml_plugins.mlflow_store.beside import open_beside
from aml_plugins.mlflow_store.bound import WorkspaceBound
from aml_plugins.mlflow_store.engines import close_together, prepare_database, tune
from aml_plugins.mlflow_store.locations import server_read_replica
from aml_plugins.mlflow_store.model_usage import ServiceAware
from aml_plugins.store.opening import plain_uri

if TYPE_CHECKING:
    from aml_plugins.mlflow_store.fast.sessions import LightSessions

    _Base = SqlAlchemyStore
elif os.environ.get("AML_FAST_STORE") == "0":

    class LightSessions:
        """Nothing: MLflow's own sessions, for comparison and in need."""

    _Base = object
else:
    from aml_plugins.mlflow_store.fast.sessions import LightSessions

    _Base = object

__all__ = ["ModelRegistryStore", "SingleWorkspaceModelRegistryStore", "open_registry_store"]


class _Opening(_Base):
    """Takes our URIs."""

    def __init__(self, db_uri: str, read_db_uri: str | None = None) -> None:
        uri = plain_uri(db_uri)
        prepare_database(self._get_or_create_engine(uri))
        super().__init__(uri, read_db_uri=plain_uri(read_db_uri) if read_db_uri else None)
        self.services = open_beside(db_uri)
        if self.services is not None:
            tune(self.engine)
            close_together(self.engine, self.services)


class SingleWorkspaceModelRegistryStore(ServiceAware, _Opening, LightSessions, SqlAlchemyStore):
    """What MLflow opens where workspaces are off."""


class ModelRegistryStore(WorkspaceBound, SingleWorkspaceModelRegistryStore, WorkspaceAwareSqlAlchemyStore):
    """For servers and clients with workspaces, and for our own run history."""


def open_registry_store(store_uri: str) -> ModelRegistryStore | SingleWorkspaceModelRegistryStore:
    """Open the registry as MLflow opens its own for a plain database URI."""
    kind = ModelRegistryStore if MLFLOW_ENABLE_WORKSPACES.get() else SingleWorkspaceModelRegistryStore
    return kind(store_uri, server_read_replica())
