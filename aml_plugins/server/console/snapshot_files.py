"""Look into a stored snapshot: single members are read out of the zip, nothing is unpacked."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.datastores.opening import open_datastore
from aml_plugins.errors import NotFoundError, StoreError

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord, SnapshotRecord

__all__ = ["SHOWN_BYTES", "snapshot_file", "snapshot_tree"]

SHOWN_BYTES = 512 * 1024
"""How much of a file is shown; the whole of it is in the snapshot that MLflow lists."""
LISTED = 20_000
_LINK = 0o120000
_KIND = 0o170000


def snapshot_tree(context: Context, run: RunRecord) -> dict[str, Any]:
    """Return the members of a run's snapshot.

    :raises NotFoundError: where the run has none, or it was released.
    """
    with _opened(context, run) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        return {
            "files": [
                {"path": member.filename, "size": member.file_size, "link": _is_link(member)}
                for member in members[:LISTED]
            ],
            "left_out": max(0, len(members) - LISTED),
        }


def snapshot_file(context: Context, run: RunRecord, path: str) -> dict[str, Any]:
    """Return the beginning of one member as text; ``text`` is None where it is none.

    :raises NotFoundError: for a path that the snapshot has not.
    """
    with _opened(context, run) as archive:
        try:
            member = archive.getinfo(path)
        except KeyError:
            raise NotFoundError("The snapshot has no such file.", "Choose one from its tree.") from None
        if member.is_dir():
            raise NotFoundError("The snapshot has no such file.", "Choose one from its tree.")
        # Not more than is shown is ever inflated, whatever size the zip claims.
        with archive.open(member) as content:
            data = content.read(SHOWN_BYTES)
            whole = not content.read(1)
    return {
        "path": member.filename,
        "size": member.file_size,
        "link": _is_link(member),
        "text": _text(data),
        "whole": whole,
    }


@contextmanager
def _opened(context: Context, run: RunRecord) -> Iterator[zipfile.ZipFile]:
    record = context.store.snapshots.find(run.workspace, run.snapshot_digest) if run.snapshot_digest else None
    if record is None:
        raise NotFoundError("The run's snapshot is not stored.", "It may not have got that far, or have been deleted.")
    with _local(context, record) as path:
        try:
            with zipfile.ZipFile(path) as archive:
                yield archive
        except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
            raise StoreError("The run's snapshot cannot be read: it is damaged.", "Submit the run again.") from error


@contextmanager
def _local(context: Context, record: SnapshotRecord) -> Iterator[Path]:
    """Yield the zip on this machine: where it lies, in our cache, or brought here for the moment."""
    datastore = open_datastore(context, record.workspace, record.datastore)
    cached = context.home / "snapshots" / f"{record.digest}.zip"
    for near in (datastore.local_path(record.path), cached):
        if near is not None and near.is_file():
            yield near
            return
    with tempfile.TemporaryDirectory(prefix="aml-snapshot-") as directory:
        brought = Path(directory) / "snapshot.zip"
        datastore.get(record.path, brought)
        yield brought


def _is_link(member: zipfile.ZipInfo) -> bool:
    return (member.external_attr >> 16) & _KIND == _LINK


def _text(data: bytes) -> str | None:
    """Return the bytes as text, None for what is no text; a character may be cut in two at the end."""
    if b"\0" in data:
        return None
    for cut in range(4):
        try:
            return data[: len(data) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
    return None
