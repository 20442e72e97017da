"""From an image's row to an image: the only code that changes an image's state. Safe to repeat at any point."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.errors import AmlError, NotFoundError, StoreError
from aml_plugins.images.build_inputs import build_spec, key_of_build
from aml_plugins.images.keeping import blob_path, log_path, store_blobs
from aml_plugins.images.opening import load_builder, registry_of_image
from aml_plugins.json_types import JsonObject
from aml_plugins.store.holding import held
from aml_plugins.store.leases import new_owner
from aml_plugins.store.records import ImageRecord, TaskRecord

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["abandon_build", "build_image", "task_id"]

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
        with self._folder() as folder:
            spec = build_spec(
                self._context, record, self._datastore, folder, registry=registry, is_wanted=self._is_wanted
            )
            self._tell("Running", "The script and the models are here; the builder makes layers of them.", FILES_HERE)
            built = builder.build(spec, self._log)
        self._tell("Running", f"Built {built.digest}; its layers are being kept.", BUILT)
        result = {"details": built.details}
        store_blobs(self._datastore, builder.layout, built.digest)
        location = f"{self._datastore.name}:{blob_path(built.digest)}"
        if registry is not None:
            self._tell("Running", "The layers are kept; the image is being pushed to the registry.", KEPT)
            location = registry.push(builder.layout, built.digest, record.name, str(record.version), self._log)
        return replace(
            record, state=SUCCEEDED, digest=built.digest, location=location, result=result, reason=None, error_code=None
        )

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """Yield this attempt's directory; what a killed attempt at the same image left here goes."""
        root, key = self._context.home / "builds", key_of_build(self._record)
        root.mkdir(parents=True, exist_ok=True)
        for left in root.glob(f"{key}-*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=f"{key}-", dir=root) as folder:
            yield Path(folder)

    def _is_wanted(self) -> bool:
        try:
            found = self._context.store.images.get(self._record.workspace, self._record.name, self._record.version)
        except NotFoundError:
            return False
        except StoreError:
            return True  # away: nobody said no
        return key_of_build(found) == key_of_build(self._record)

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


def task_id(record: ImageRecord) -> str:
    """Return the id of the task that builds an image."""
    return f"image-{record.name}-{record.version}"
