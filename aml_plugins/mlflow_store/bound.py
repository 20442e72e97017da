"""A store that works in one workspace without the process being told which."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from mlflow.store.workspace_aware_mixin import WorkspaceAwareMixin as _Base
else:
    _Base = object

__all__ = ["WorkspaceBound"]


class WorkspaceBound(_Base):
    """Adds :meth:`in_workspace` to a workspace-aware store of MLflow."""

    workspace: str | None = None
    """The workspace that this store is bound to."""

    def in_workspace(self, name: str) -> Self:
        """Return this store bound to a workspace; both share their connections.

        MLflow finds the workspace in a context variable or the environment, and only where
        ``MLFLOW_ENABLE_WORKSPACES`` is set. Our drivers work in many workspaces at once, in processes of others.
        """
        bound = copy.copy(self)
        bound.workspace = name
        return bound

    # MLflow names this method as the one that workspace-aware subclasses override.
    def _get_active_workspace(self) -> str:  # type: ignore[override]  # theirs is a classmethod, called on instances
        return self.workspace or super()._get_active_workspace()
