"""What scripts import as ``azureml.core.model``: where the files of a model are in this process."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["Model", "ModelNotFoundException"]


class ModelNotFoundException(Exception):  # noqa: N818  the name is Azure ML's
    """No such model is in the models' directory."""


class Model:
    """Azure ML's class, as far as a web service has it."""

    @staticmethod
    def get_model_path(model_name: str, version: Any = None, _workspace: Any = None) -> str:
        """Return the path of a model's file, or of its directory where it has several files.

        :param version: None means the newest that is here.
        :raises ModelNotFoundException: where the service has no such model.
        """
        root = _models_directory()
        versions = _versions(os.path.join(root, model_name))
        chosen = str(version) if version is not None else (versions[-1] if versions else "")
        if chosen not in versions:
            wanted = model_name if version is None else f"{model_name} version {version}"
            raise ModelNotFoundException(f"Model {wanted} not found in {root}.")
        folder = os.path.join(root, model_name, chosen)
        files = os.listdir(folder)
        return os.path.join(folder, files[0]) if len(files) == 1 else folder


def _models_directory() -> str:
    """Return the directory above all models: with one model, ``AZUREML_MODEL_DIR`` is that one's version."""
    directory: str | None = os.environ.get("AZUREML_MODEL_DIR")
    if not directory:
        return os.path.abspath("azureml-models")
    directory = directory.rstrip(os.sep)
    if os.path.basename(directory).isdigit():
        return os.path.dirname(os.path.dirname(directory))
    return directory


def _versions(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    return sorted((name for name in os.listdir(folder) if name.isdigit()), key=int)
