"""A new image as it is written down: all that can be wrong with it is found before."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.errors import InvalidInputError
from aml_plugins.images.building import BUILDING
from aml_plugins.images.given import given_base, given_certificates
from aml_plugins.images.keeping import source_path
from aml_plugins.images.mlflow_model import check_mlflow_model, mlflow_environment
from aml_plugins.images.opening import load_builder, load_registry
from aml_plugins.runs.snapshot import take_snapshot
from aml_plugins.store.records import ImageRecord

if TYPE_CHECKING:
    from aml_plugins.images.inference import InferenceConfig
    from aml_plugins.model import Model
    from aml_plugins.workspace import Workspace

__all__ = ["described"]


def described(
    workspace: Workspace, name: str, models: Sequence[Model], inference: InferenceConfig, **options: Any
) -> ImageRecord:
    """Return the row of a new image, its source stored.

    :param inference: the scoring script; one without a script is for an MLflow model.
    :param options: ``builder``, ``base_image``, ``ca_file``, ``registry``, ``variables``, ``tags``, as users give them.
    :raises InvalidInputError: for what cannot be built; nothing was written.
    """
    context = workspace.context
    inference.check()
    if options["registry"]:
        load_registry(context, options["registry"])
    builder = load_builder(context, options["builder"])
    config = {
        **(_of_script(inference) if inference.entry_script is not None else _of_model(models, inference)),
        "swagger": inference.swagger(),
        "description": inference.description,
        "base_image": given_base(options["base_image"]),
        "ca": given_certificates(options["ca_file"]),
        "registry": dict(options["registry"]) if options["registry"] else None,
        "variables": dict(options["variables"] or {}),
        "key": uuid.uuid4().hex,
    }
    builder.check(config)
    return ImageRecord(
        workspace=workspace.name,
        name=name,
        state=BUILDING,
        builder=options["builder"],
        config=config,
        models=[{"name": model.name, "version": model.version, "run_id": model.run_id} for model in models],
        source=_stored_source(workspace, inference) if inference.entry_script is not None else {},
        tags=dict(options["tags"] or {}),
    )


def _of_script(inference: InferenceConfig) -> dict[str, Any]:
    return {"entry_script": inference.entry_script, "environment": inference.resolved_environment()}


def _of_model(models: Sequence[Model], inference: InferenceConfig) -> dict[str, Any]:
    """Return what serves an MLflow model, from the files that describe it.

    :raises InvalidInputError: for none or several, and for one that is no MLflow model.
    """
    if len(models) != 1:
        raise InvalidInputError(
            f"An image without a scoring script has one MLflow model, not {len(models)}.",
            "Give one model, or a scoring script: --script SCRIPT, or InferenceConfig(SCRIPT).",
        )
    model = models[0]
    with tempfile.TemporaryDirectory(prefix="aml-model-") as folder:
        files = model.download(folder)
        check_mlflow_model(files, f"{model.name}:{model.version}")
        given = inference.environment is not None
        environment = inference.resolved_environment() if given else mlflow_environment(files, model.name)
    return {"mlflow_model": f"{model.name}/{model.version}/{files.name}", "environment": environment}


def _stored_source(workspace: Workspace, inference: InferenceConfig) -> dict[str, Any]:
    """Put the script's directory where builders find it, once for equal content."""
    snapshot = take_snapshot(inference.directory, cache=workspace.context.home / "snapshots")
    datastore = default_datastore(workspace.context, workspace.name)
    if not datastore.exists(source_path(snapshot.digest)):
        datastore.put(snapshot.path, source_path(snapshot.digest), immutable=True)
    return {"digest": snapshot.digest}
