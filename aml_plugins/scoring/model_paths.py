"""What scripts import as ``azureml.core.model``: where the files of a model are in this process."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["AzureMLException", "Model", "ModelNotFoundException", "WebserviceException"]


class AzureMLException(Exception):  # noqa: N818  the names are Azure ML's
    """What azureml-core's exceptions have in common."""

    @property
    def message(self) -> str:
        return str(self)


class WebserviceException(AzureMLException):
    """Something that the service needs is not as it should be."""


class ModelNotFoundException(WebserviceException):
    """No such model is in the models' directory; azureml-core says so with either class."""


class Model:
    """Azure ML's class, as far as a web service has it."""

    @staticmethod
    def get_model_path(model_name: str, version: Any = None, _workspace: Any = None) -> str:
        """Return the path of a model's file, or of its directory where it has several files.

        It is looked for as ``NAME/VERSION`` where the service's models are, then as ``NAME`` in the working directory:
        azureml-core's order.

        :param version: None means the newest that is here.
        :raises ModelNotFoundException: where the service has no such model.
        """
        for root in _roots():
            versions = _versions(os.path.join(root, model_name))
            chosen = str(version) if version is not None else (versions[-1] if versions else "")
            if chosen in versions:
                folder = os.path.join(root, model_name, chosen)
                files = os.listdir(folder)
                return os.path.join(folder, files[0]) if len(files) == 1 else folder
        if os.path.exists(model_name):
            return model_name
        wanted = model_name if version is None else f"{model_name} version {version}"
        places = ", ".join(_roots())
        raise ModelNotFoundException(f"Model {wanted} not found in {places}, or in {os.getcwd()}.")


def _roots() -> list[str]:
    """Return the directories above all models: with one model, ``AZUREML_MODEL_DIR`` is that one's version."""
    found = [os.path.join(os.environ.get("AML_APP_ROOT", ""), "azureml-models")]
    directory = os.environ.get("AZUREML_MODEL_DIR", "").rstrip(os.sep)
    if directory:
        is_version = os.path.basename(directory).isdigit()
        found.insert(0, os.path.dirname(os.path.dirname(directory)) if is_version else directory)
    return found


def _versions(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    return sorted((name for name in os.listdir(folder) if name.isdigit()), key=int)
