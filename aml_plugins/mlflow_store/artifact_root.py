# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""Where new experiments keep their artifacts: in the datastore that their workspace chose, if it chose one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow.utils.uri import append_to_uri_path  # noqa: TID253  a leaf: imported with a store

from aml_plugins.mlflow_store.locations import chosen_artifact_root

if TYPE_CHECKING:
    from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore as _Base

    from aml_plugins.store.interface import Store
else:
    _Base = object

__all__ = ["ArtifactRoot"]


class ArtifactRoot(_Base):
    """Gives experiments the workspace's root. MLflow's own store would ask its own provider, which knows none of it."""

    jobs: Store | None

    def _get_artifact_location(self, experiment_id: object, workspace: str | None = None) -> str:
        root = chosen_artifact_root(self.jobs, workspace or self._get_active_workspace())
        if root:
            return str(append_to_uri_path(root, str(experiment_id)))
        return str(super()._get_artifact_location(experiment_id, workspace))
