"""MLflow on a database that holds our tables too: the URIs ``aml+sqlite:///FILE`` and ``aml+postgresql://…``.

The functions are MLflow's entry points. MLflow itself is imported when one is called: its plugin loader reads this
module in every process, and a failing import would look like an unsupported URI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository
    from mlflow.store.model_registry.abstract_store import AbstractStore as AbstractRegistryStore
    from mlflow.store.tracking.abstract_store import AbstractStore as AbstractTrackingStore
    from mlflow.store.workspace.abstract_store import AbstractStore as AbstractWorkspaceStore

__all__ = ["artifact_repository", "model_registry_store", "tracking_store", "workspace_provider"]


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> AbstractTrackingStore:
    """Open the tracking store (group ``mlflow.tracking_store``).

    :param artifact_uri: where new experiments keep artifacts; None for ``artifacts`` beside the database.
    """
    from aml_plugins.mlflow_store.tracking import open_tracking_store  # noqa: PLC0415  MLflow costs seconds

    return open_tracking_store(store_uri, artifact_uri)


def model_registry_store(store_uri: str) -> AbstractRegistryStore:
    """Open the model registry (group ``mlflow.model_registry_store``)."""
    from aml_plugins.mlflow_store.registry import open_registry_store  # noqa: PLC0415  see above

    return open_registry_store(store_uri)


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> ArtifactRepository:
    """Open artifacts in a datastore (group ``mlflow.artifact_repository``): ``aml-datastore://NAME/path``."""
    from aml_plugins.mlflow_store.datastore_artifacts import DatastoreArtifacts  # noqa: PLC0415  see above

    return DatastoreArtifacts(artifact_uri, tracking_uri, registry_uri)


def workspace_provider(workspace_uri: str) -> AbstractWorkspaceStore:
    """Open the workspaces (group ``mlflow.workspace_provider``)."""
    from aml_plugins.mlflow_store.workspace_provider import open_workspace_provider  # noqa: PLC0415  see above

    return open_workspace_provider(workspace_uri)
