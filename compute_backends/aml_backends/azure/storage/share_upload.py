"""Upload to a file share so that an interrupted upload goes on: ranges into a hidden file, one rename at the end."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError  # noqa: TID253  a leaf, as share.py is
from azure.storage.fileshare import ContentSettings  # noqa: TID253  as above

from aml_backends.azure.storage.failures import code_of
from aml_plugins.datastores.whole_files import PART_PREFIX
from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from azure.storage.fileshare import ShareClient, ShareFileClient

__all__ = ["upload_file"]

PIECE = 4 << 20
"""The most that the service takes in one request."""

PARALLEL_PIECES = 4
TRIES = 3


def upload_file(share: ShareClient, key: str, local: Path, progress: Callable[[int], None]) -> None:
    """Store a file. Ranges of an earlier try of the same content are not sent again; the name appears at the end.

    :raises InvalidInputError: where the file changes meanwhile.
    """
    for attempt in range(1, TRIES + 1):
        try:
            _upload(share, key, local, progress)
        except ResourceNotFoundError as error:  # another process that stores the same has renamed the part
            if attempt == TRIES or code_of(error) == "ShareNotFound":
                raise
        else:
            return


def _upload(share: ShareClient, key: str, local: Path, progress: Callable[[int], None]) -> None:
    before = local.stat()
    sha256, md5 = _digests(local)
    if _is_there(share.get_file_client(key), before.st_size, sha256):
        progress(before.st_size)
        return
    folder = key.rpartition("/")[0]
    _make_folders(share, folder)
    part = share.get_file_client(f"{folder}/{PART_PREFIX}{sha256[:32]}".lstrip("/"))
    missing = _missing(part, before.st_size)
    if missing is None:
        settings = ContentSettings(content_type="application/octet-stream", content_md5=bytearray(md5))
        part.create_file(before.st_size, metadata={"aml_sha256": sha256}, content_settings=settings)
        missing = range(0, before.st_size, PIECE)
    progress(before.st_size - sum(min(PIECE, before.st_size - start) for start in missing))
    with ThreadPoolExecutor(PARALLEL_PIECES) as pool:
        for sent in pool.map(lambda start: _send(part, local, start, before.st_size), missing):
            progress(sent)
    after = local.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        part.delete_file()
        raise InvalidInputError(f"'{local}' changed while it was uploaded.", "Upload it again when it is at rest.")
    part.rename_file(key, overwrite=True)


def _digests(local: Path) -> tuple[str, bytes]:
    whole, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with local.open("rb") as file:
        while data := file.read(PIECE):
            whole.update(data)
            md5.update(data)
    return whole.hexdigest(), md5.digest()


def _is_there(file: ShareFileClient, size: int, sha256: str) -> bool:
    try:
        found = file.get_file_properties()
    except ResourceNotFoundError:
        return False
    return found.size == size and (found.metadata or {}).get("aml_sha256") == sha256


def _make_folders(share: ShareClient, folder: str) -> None:
    parts = folder.split("/") if folder else []
    for depth in range(1, len(parts) + 1):
        with suppress(ResourceExistsError):
            share.create_directory("/".join(parts[:depth]))


def _missing(part: ShareFileClient, size: int) -> Sequence[int] | None:
    """Return where the pieces begin that an earlier try did not bring; None where there was none."""
    try:
        if part.get_file_properties().size != size:
            return None
        there = [(found.start, found.end) for found in part.list_ranges()]
    except ResourceNotFoundError as error:
        if code_of(error) == "ShareNotFound":
            raise
        return None
    starts = range(0, size, PIECE)
    return [start for start in starts if not _covered(there, start, min(start + PIECE, size) - 1)]


def _covered(there: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    return any(first <= start and end <= last for first, last in there)


def _send(part: ShareFileClient, local: Path, start: int, size: int) -> int:
    length = min(PIECE, size - start)
    with local.open("rb") as file:
        data = os.pread(file.fileno(), length, start)
    part.upload_range(data, start, len(data), validate_content=True)
    return length
