"""From an image's row to an image: the only code that changes an image's state. Safe to repeat at any point."""

from __future__ import annotations

import logging
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.errors import AmlError, NotFoundError, OperationFailedError, StoreError
from aml_plugins.images.contract import BuildSpec, ContainerRegistry, ImageBuilder, ModelFiles
from aml_plugins.images.layout import Layout
from aml_plugins.json_types import JsonObject
from aml_plugins.plugins.settings import checked_settings
from aml_plugins.store.holding import held
from aml_plugins.store.leases import new_owner
from aml_plugins.store.records import ImageRecord, TaskRecord

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.datastores import Datastore

__all__ = [
    "abandon_build",
    "blob_path",
    "build_image",
    "image_layout",
    "load_builder",
    "load_registry",
    "log_path",
    "task_id",
]

logger = logging.getLogger(__name__)

BUILDING, SUCCEEDED, FAILED = "Building", "Succeeded", "Failed"
FILES_HERE, BUILT, KEPT = 0.1, 0.7, 0.9
"""Progress of a build. Steps, not time: nobody knows beforehand how long an environment takes."""


def build_image(context: Context, record: ImageRecord, show: Callable[[str], None] = lambda _: None) -> ImageRecord:
    """Build an image that nobody else builds at the moment; return its row, ended or as another left it.

    :param show: takes the lines of the build's log as they come.
    """
    owner = new_owner()
    with held(context.store.images, record, owner) as mine:
        if not mine:
            return context.store.images.get(record.workspace, record.name, record.version)
        record = context.store.images.get(record.workspace, record.name, record.version)
        if record.state != BUILDING:
            return record
        return _Build(context, record, owner, show).run()


class _Build:
    """One attempt at one image."""

    def __init__(self, context: Context, record: ImageRecord, owner: str, show: Callable[[str], None]) -> None:
        self._context = context
        self._record = record
        self._owner = owner
        self._show = show
        self._lines: list[str] = []
        self._datastore = default_datastore(context, record.workspace)

    def run(self) -> ImageRecord:
        self._tell("Running", f"Building image {self._record.name}:{self._record.version}.", 0.0)
        try:
            done = self._build()
        except StoreError:
            raise  # the database is away: whoever comes next goes on
        except AmlError as error:
            self._log(str(error))
            done = replace(self._record, state=FAILED, reason=str(error), error_code=error.code)
        self._keep_log()
        self._tell_end(done)
        return self._context.store.images.save(done, owner=self._owner)

    def _build(self) -> ImageRecord:
        record = self._record
        builder = load_builder(self._context, record.builder)
        registry = registry_of_image(self._context, record)
        with tempfile.TemporaryDirectory(prefix="aml-image-") as folder:
            spec = replace(self._spec(Path(folder)), registry=registry, is_wanted=self._is_wanted)
            self._tell("Running", "The script and the models are here; the builder makes layers of them.", FILES_HERE)
            built = builder.build(spec, self._log)
        self._tell("Running", f"Built {built.digest}; its layers are being kept.", BUILT)
        result = {"details": built.details}
        self._store_blobs(builder.layout, built.digest)
        location = f"{self._datastore.name}:{blob_path(built.digest)}"
        if registry is not None:
            self._tell("Running", "The layers are kept; the image is being pushed to the registry.", KEPT)
            location = registry.push(builder.layout, built.digest, record.name, str(record.version), self._log)
        return replace(
            record, state=SUCCEEDED, digest=built.digest, location=location, result=result, reason=None, error_code=None
        )

    def _spec(self, folder: Path) -> BuildSpec:
        config: Mapping[str, Any] = self._record.config
        source = folder / "source"
        self._unpack(source)
        ca_file = folder / "ca.pem"
        if config.get("ca"):
            ca_file.write_text(str(config["ca"]))
        return BuildSpec(
            name=self._record.name,
            version=self._record.version,
            source=source,
            entry_script=str(config["entry_script"]) if config.get("entry_script") else None,
            models=[self._model(folder, model) for model in _models(self._record)],
            environment=config["environment"],
            swagger=str(config["swagger"]).encode() if config.get("swagger") else None,
            base_image=config.get("base_image"),
            ca_file=ca_file if config.get("ca") else None,
            labels=_labels(self._record),
            variables=config.get("variables") or {},
            key=key_of_build(self._record),
        )

    def _is_wanted(self) -> bool:
        try:
            found = self._context.store.images.get(self._record.workspace, self._record.name, self._record.version)
        except NotFoundError:
            return False
        except StoreError:
            return True  # away: nobody said no
        return key_of_build(found) == key_of_build(self._record)

    def _unpack(self, target: Path) -> None:
        target.mkdir()
        if not self._record.source:  # a model is served without a script
            return
        archive = target.with_suffix(".zip")
        self._datastore.get(source_path(str(self._record.source["digest"])), archive)
        with zipfile.ZipFile(archive) as opened:  # extractall() keeps members inside
            opened.extractall(target)

    def _model(self, folder: Path, model: Mapping[str, Any]) -> ModelFiles:
        name, version = str(model["name"]), str(model["version"])
        target = folder / "models" / name / version
        target.mkdir(parents=True)
        history = self._context.history(self._record.workspace)
        return ModelFiles(name=name, version=version, path=history.download_model(name, version, target))

    def _store_blobs(self, layout: Layout, digest: str) -> None:
        """Put into the datastore what it lacks; the manifest last, so that an image is there whole."""
        for blob in layout.blobs_of(digest):
            path = blob_path(blob.digest)
            if not self._datastore.exists(path):
                self._datastore.put(layout.path(blob.digest), path, immutable=True)

    def _log(self, line: str) -> None:
        self._lines.append(line)
        self._show(line)

    def _keep_log(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".log", encoding="utf-8", errors="replace") as file:
            file.write("".join(f"{line}\n" for line in self._lines))
            file.flush()
            self._datastore.put(Path(file.name), log_path(self._record))

    def _tell_end(self, done: ImageRecord) -> None:
        if done.state != SUCCEEDED:
            self._tell("Failed", done.reason or "The build failed.")
            return
        result = {"image": f"{done.name}:{done.version}", "digest": done.digest, "location": done.location}
        self._tell("Completed", f"Built {done.digest}.", 1.0, result)

    def _tell(self, state: str, message: str, progress: float | None = None, result: JsonObject | None = None) -> None:
        self._context.store.tasks.put(
            TaskRecord(
                workspace=self._record.workspace,
                task_id=task_id(self._record),
                kind="image",
                subject=f"{self._record.name}:{self._record.version}",
                state=state,
                progress=progress,
                result=result,
            ),
            message=message,
        )


def abandon_build(context: Context, record: ImageRecord) -> None:
    """End what a build began elsewhere, before its image is deleted.

    :raises AmlError: where it cannot be ended now.
    """
    registry = registry_of_image(context, record)
    load_builder(context, record.builder).abandon(key_of_build(record), registry)


def key_of_build(record: ImageRecord) -> str:
    """Return what names a build where it is not done here: no other image ever has it."""
    return str(record.config.get("key") or "")


def registry_of_image(context: Context, record: ImageRecord) -> ContainerRegistry | None:
    """Return where an image is pushed to, None where it stays."""
    settings = record.config.get("registry")
    return load_registry(context, settings, record.workspace) if settings else None


def task_id(record: ImageRecord) -> str:
    """Return the id of the task that builds an image."""
    return f"image-{record.name}-{record.version}"


def image_layout(context: Context) -> Layout:
    """Return this machine's cache of blobs."""
    return Layout(context.home / "images")


def load_builder(context: Context, name: str) -> ImageBuilder:
    """Return a builder by its type's name."""
    return context.plugins.load_class("aml_image_builder_types", name, ImageBuilder)(image_layout(context))


def load_registry(context: Context, settings: Any, workspace: str | None = None) -> ContainerRegistry:
    """Return the registry that settings describe: ``type`` and what the type's model has.

    :param workspace: whose secret stores its references name; None for ``env`` alone.
    :raises InvalidInputError: for settings that the type refuses.
    """
    given = dict(settings)
    name = str(given.pop("type", "oci"))
    kind = context.plugins.load_class("aml_container_registry_types", name, ContainerRegistry)
    made = kind(checked_settings(kind.config_model, f"a container registry of type '{name}'", given))
    if workspace is not None:
        made.secrets = context.secrets(workspace)
    return made


def blob_path(digest: str) -> str:
    """Return where a blob lies in the datastore."""
    return f"images/blobs/{digest.replace(':', '/')}"


def source_path(digest: str) -> str:
    """Return where the zip of a script's directory lies in the datastore."""
    return f"images/sources/{digest}.zip"


def log_path(record: ImageRecord) -> str:
    """Return where a build's log lies in the datastore."""
    return f"images/logs/{record.name}/{record.version}.log"


def fetch_image(datastore: Datastore, layout: Layout, digest: str) -> None:
    """Bring an image from the datastore into the layout.

    :raises OperationFailedError: where a blob is not what its digest says.
    """
    fetch_blob(datastore, layout, digest)
    for blob in layout.blobs_of(digest):
        fetch_blob(datastore, layout, blob.digest)


def fetch_blob(datastore: Datastore, layout: Layout, digest: str) -> None:
    """Bring one blob from the datastore into the layout, where it is not there."""
    if layout.has(digest):
        return
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, "blob")
        datastore.get(blob_path(digest), local)
        with local.open("rb") as source, layout.writing() as (file, named):
            shutil.copyfileobj(source, file, 1 << 20)
    if named[0] != digest:
        layout.path(named[0]).unlink(missing_ok=True)
        raise OperationFailedError(f"The blob {digest} in the datastore is damaged.", "Build the image again.")


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
