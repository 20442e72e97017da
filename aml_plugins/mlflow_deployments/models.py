# mypy: allow-untyped-calls
# MLflow is annotated in parts.
"""From a model URI to an image of the workspace."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.images.image import Image
from aml_plugins.model import Model

if TYPE_CHECKING:
    from aml_plugins.workspace import Workspace

__all__ = ["image_of"]


def image_of(workspace: Workspace, name: str, model_uri: str, options: Mapping[str, Any]) -> Image:
    """Return an image of the model: one that is there for equal options, else a new one.

    :param name: of the image, and of the model where it is not registered yet.
    """
    model = _model(workspace, name, model_uri)
    wanted = {"builder": "oci", **options}
    for image in Image.list(workspace, name):
        if _is_of(image, model, wanted):
            return image
    return Image.create(workspace, name, models=[model], **options)


def _model(workspace: Workspace, name: str, uri: str) -> Model:
    if uri.startswith("models:/") and not uri.startswith("models:/m-"):
        return Model.find(workspace, uri)
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory(prefix="aml-model-") as folder:
        path = download_artifacts(artifact_uri=uri, dst_path=folder)
        return Model.register(workspace, Path(path), name, tags={"aml.registered_from": uri})


def _is_of(image: Image, model: Model, wanted: Mapping[str, Any]) -> bool:
    record = image.record
    models = record.models if isinstance(record.models, (list, tuple)) else ()
    named = [(one.get("name"), str(one.get("version"))) for one in models if isinstance(one, Mapping)]
    given = {"builder": record.builder, **{key: record.config.get(key) for key in ("base_image", "registry", "ca")}}
    return (
        record.state == "Succeeded"
        and named == [(model.name, model.version)]
        and bool(record.config.get("mlflow_model"))
        and {key: value for key, value in given.items() if value} == dict(wanted)
    )
