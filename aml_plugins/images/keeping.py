"""Where an image's files lie in the workspace's datastore, and how they come and go."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.errors import OperationFailedError
from aml_plugins.images.layout import Layout
from aml_plugins.store.records import ImageRecord

if TYPE_CHECKING:
    from aml_plugins.datastores import Datastore

__all__ = ["blob_path", "fetch_blob", "fetch_image", "log_path", "source_path", "store_blobs"]


def blob_path(digest: str) -> str:
    """Return where a blob lies in the datastore."""
    return f"images/blobs/{digest.replace(':', '/')}"


def source_path(digest: str) -> str:
    """Return where the zip of a script's directory lies in the datastore."""
    return f"images/sources/{digest}.zip"


def log_path(record: ImageRecord) -> str:
    """Return where a build's log lies in the datastore."""
    return f"images/logs/{record.name}/{record.version}.log"


def store_blobs(datastore: Datastore, layout: Layout, digest: str) -> None:
    """Put into the datastore what it lacks; the manifest last, so that an image is there whole."""
    for blob in layout.blobs_of(digest):
        path = blob_path(blob.digest)
        if not datastore.exists(path):
            datastore.put(layout.path(blob.digest), path, immutable=True)


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
