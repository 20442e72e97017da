"""Registered models: MLflow's, with the run they came from."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.errors import NotFoundError
from aml_plugins.store.usage import model_is_in

if TYPE_CHECKING:
    from aml_plugins.images.image import Image
    from aml_plugins.runs.history import ModelVersion
    from aml_plugins.runs.run import Run
    from aml_plugins.services.service import Service
    from aml_plugins.workspace import Workspace

__all__ = ["Model"]

_EXPERIMENT = "registered-models"


class Model:
    """One version of a registered model."""

    def __init__(self, workspace: Workspace, version: ModelVersion) -> None:
        self.workspace = workspace
        self.name = version.name
        self.version = version.version
        self.run_id = version.run_id
        self.source = version.source
        self.tags = version.tags
        self.aliases = version.aliases

    def __repr__(self) -> str:
        return f"Model(name={self.name!r}, version={self.version!r})"

    @classmethod
    def register(
        cls,
        workspace: Workspace,
        path: str | Path,
        name: str,
        *,
        tags: Mapping[str, str] | None = None,
        description: str = "",
    ) -> Model:
        """Register a file or directory of this machine, trained anywhere, as the next version of a model.

        Its files become the artifacts of a run of the experiment ``registered-models``, so that they are where all
        models are.

        :raises NotFoundError: where there is no such file or directory.
        """
        local = Path(path)
        if not local.exists():
            raise NotFoundError(f"There is no file or directory '{path}'.", "Name the model's file or directory.")
        history = workspace.context.history(workspace.name)
        run_id = uuid.uuid4().hex
        experiment = history.ensure_experiment(_EXPERIMENT)
        started = int(time.time() * 1000)
        origin = {
            "aml.registered_from": local.absolute().name,
            **({"mlflow.note.content": description} if description else {}),
        }
        history.create_run(run_id, experiment, name=f"register {name}", tags=origin, start_time=started)
        inside = f"model/{local.absolute().name}" if local.is_dir() else "model"
        history.upload(run_id, local, inside)
        history.set_status(run_id, "FINISHED", end_time=int(time.time() * 1000))
        version = history.register_model(name, run_id, f"model/{local.absolute().name}", tags=tags)
        return cls(workspace, version)

    @classmethod
    def get(cls, workspace: Workspace, name: str, version: str | None = None) -> Model:
        """Return a version of a model, the newest by default.

        :raises NotFoundError: naming the versions that are there.
        """
        versions = cls.list(workspace, name)
        chosen = next((found for found in versions if version in (None, found.version)), None)
        if chosen is None:
            known = ", ".join(found.version for found in versions) or "none"
            raise NotFoundError(f"The model '{name}' has no version {version or ''}.", f"It has: {known}.")
        return chosen

    @classmethod
    def find(cls, workspace: Workspace, text: str) -> Model:
        """Return the model that ``NAME``, ``NAME:VERSION``, ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS`` names.

        Without a version, or with ``latest``, it is the newest.

        :raises NotFoundError: where there is none.
        """
        place = text.removeprefix("models:").strip("/")
        named, _, alias = place.partition("@") if text.startswith("models:") else (place, "", "")
        if alias:
            version = workspace.context.history(workspace.name).version_of_alias(named, alias)
            return cls.get(workspace, named, version)
        name, _, version = named.partition("/" if text.startswith("models:") else ":")
        return cls.get(workspace, name, None if version in {"", "latest"} else version)

    @classmethod
    def list(cls, workspace: Workspace, name: str | None = None) -> Sequence[Model]:
        """Return the newest version of each model, or all versions of one, newest first."""
        history = workspace.context.history(workspace.name)
        return [cls(workspace, version) for version in history.models(name)]

    @property
    def run(self) -> Run | None:
        """The run that made it, None where no run did."""
        return self.workspace.get_run(self.run_id) if self.run_id else None

    @property
    def snapshot_digest(self) -> str | None:
        """The digest of the source that made it, None where it was trained elsewhere."""
        record = self.workspace.context.store.runs.find(self.run_id) if self.run_id else None
        return record.snapshot_digest if record else None

    @property
    def images(self) -> Sequence[Image]:
        """The images that it is in."""
        from aml_plugins.images.image import Image  # noqa: PLC0415  they know each other

        return [image for image in Image.list(self.workspace) if model_is_in(image.record, self.name, self.version)]

    @property
    def services(self) -> Sequence[Service]:
        """The services that run one of its images."""
        return [service for image in self.images for service in image.services]

    def download(self, target_dir: str | Path = ".") -> Path:
        """Bring the model's files below a directory; return where they are."""
        target = Path(target_dir)
        target.mkdir(parents=True, exist_ok=True)
        return self.workspace.context.history(self.workspace.name).download_model(self.name, self.version, target)
