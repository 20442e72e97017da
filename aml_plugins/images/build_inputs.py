"""What an image is made of, brought to the machine that builds it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.images.contract import BuildSpec, ContainerRegistry, ModelFiles
from aml_plugins.images.keeping import source_path
from aml_plugins.store.records import ImageRecord

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.datastores import Datastore

__all__ = ["build_spec", "key_of_build"]


def build_spec(
    context: Context,
    record: ImageRecord,
    datastore: Datastore,
    folder: Path,
    *,
    registry: ContainerRegistry | None,
    is_wanted: Callable[[], bool],
) -> BuildSpec:
    """Bring the script and the models of an image into a folder; return them with the rest of what it is made of.

    :param registry: where the image goes.
    :param is_wanted: whether somebody still waits for it.
    """
    config: Mapping[str, Any] = record.config
    source = folder / "source"
    _unpack(datastore, record, source)
    ca_file = folder / "ca.pem"
    if config.get("ca"):
        ca_file.write_text(str(config["ca"]))
    return BuildSpec(
        name=record.name,
        version=record.version,
        source=source,
        entry_script=str(config["entry_script"]) if config.get("entry_script") else None,
        models=[_model(context, record, folder, model) for model in _models(record)],
        environment=config["environment"],
        swagger=str(config["swagger"]).encode() if config.get("swagger") else None,
        base_image=config.get("base_image"),
        ca_file=ca_file if config.get("ca") else None,
        labels=_labels(record),
        variables=config.get("variables") or {},
        key=key_of_build(record),
        registry=registry,
        is_wanted=is_wanted,
    )


def key_of_build(record: ImageRecord) -> str:
    """Return what names a build where it is not done here: no other image ever has it."""
    return str(record.config.get("key") or "")


def _unpack(datastore: Datastore, record: ImageRecord, target: Path) -> None:
    target.mkdir()
    if not record.source:  # a model is served without a script
        return
    archive = target.with_suffix(".zip")
    datastore.get(source_path(str(record.source["digest"])), archive)
    with zipfile.ZipFile(archive) as opened:  # extractall() keeps members inside
        opened.extractall(target)


def _model(context: Context, record: ImageRecord, folder: Path, model: Mapping[str, Any]) -> ModelFiles:
    name, version = str(model["name"]), str(model["version"])
    target = folder / "models" / name / version
    target.mkdir(parents=True)
    history = context.history(record.workspace)
    return ModelFiles(name=name, version=version, path=history.download_model(name, version, target))


def _models(record: ImageRecord) -> list[Mapping[str, Any]]:
    assert isinstance(record.models, (list, tuple))  # noqa: S101  as it was written
    return [model for model in record.models if isinstance(model, Mapping)]


def _labels(record: ImageRecord) -> dict[str, str]:
    """Return the image's lineage. No times: equal parts give equal images."""
    labels = {
        "org.opencontainers.image.title": record.name,
        "io.aml.workspace": record.workspace,
    }
    if record.source:
        labels["io.aml.source"] = str(record.source["digest"])
    for model in _models(record):
        labels[f"io.aml.model.{model['name']}"] = str(model["version"])
        if model.get("run_id"):
            labels[f"io.aml.model.{model['name']}.run"] = str(model["run_id"])
    return labels
