"""Registered models: MLflow's, with the run they came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aml_plugins.runs.history import ModelVersion
    from aml_plugins.workspace import Workspace

__all__ = ["Model"]


class Model:
    """One version of a registered model."""

    def __init__(self, workspace: Workspace, version: ModelVersion) -> None:
        self.workspace = workspace
        self.name = version.name
        self.version = version.version
        self.run_id = version.run_id
        self.source = version.source
        self.tags = version.tags

    def __repr__(self) -> str:
        return f"Model(name={self.name!r}, version={self.version!r})"

    @classmethod
    def list(cls, workspace: Workspace, name: str | None = None) -> Sequence[Model]:
        """Return the newest version of each model, or all versions of one, newest first."""
        history = workspace.context.history(workspace.name)
        return [cls(workspace, version) for version in history.models(name)]

    def download(self, target_dir: str | Path = ".") -> Path:
        """Bring the model's files below a directory; return where they are."""
        target = Path(target_dir)
        target.mkdir(parents=True, exist_ok=True)
        return self.workspace.context.history(self.workspace.name).download_model(self.name, self.version, target)
