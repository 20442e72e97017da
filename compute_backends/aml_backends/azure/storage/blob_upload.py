"""Upload a blob so that an interrupted upload goes on: blocks named by their content, one commit at the end."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError  # noqa: TID253  a leaf, as blob.py is
from azure.storage.blob import BlobBlock, ContentSettings  # noqa: TID253  as above

from aml_backends.azure.storage.failures import code_of
from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

__all__ = ["upload_blob"]

BLOCK = 8 << 20
MOST_BLOCKS = 50_000
PARALLEL_BLOCKS = 4
ASKED = 256 << 10
"""Bytes from which on it is asked whether the content is there already; less is sent as quickly as asked for."""

TRIES = 3


@dataclass(frozen=True, slots=True)
class _Content:
    """A local file, read once: what it holds as a whole and block by block."""

    path: Path
    size: int
    modified: int
    sha256: str
    md5: bytes
    block: int
    ids: Sequence[str]

    @property
    def stored_as(self) -> dict[str, Any]:
        """How the blob's own checksums are set."""
        settings = ContentSettings(content_type="application/octet-stream", content_md5=bytearray(self.md5))
        return {"metadata": {"aml_sha256": self.sha256}, "content_settings": settings}


def upload_blob(blob: BlobClient, local: Path, progress: Callable[[int], None]) -> None:
    """Store a file. Blocks of an earlier try are not sent again; nobody sees the blob before all are there.

    :raises InvalidInputError: where the file changes meanwhile.
    """
    content = _read(local)
    if content.size > ASKED and _is_there(blob, content):
        progress(content.size)
    elif content.size <= content.block:
        blob.upload_blob(local.read_bytes(), overwrite=True, validate_content=True, **content.stored_as)
        progress(content.size)
    else:
        _upload_blocks(blob, content, progress)
    _check_unchanged(content)


def _upload_blocks(blob: BlobClient, content: _Content, progress: Callable[[int], None]) -> None:
    """Send what is missing and commit. Another process's commit of the same blob takes our blocks away: send again."""
    reported = 0
    for attempt in range(1, TRIES + 1):
        there = _uncommitted(blob)
        known = sum(_length(content, index) for index, key in enumerate(content.ids) if key in there)
        progress(known - reported)
        reported = known
        missing = [index for index, key in enumerate(content.ids) if key not in there]
        with ThreadPoolExecutor(PARALLEL_BLOCKS) as pool:
            for sent in pool.map(lambda index: _send_block(blob, content, index), missing):
                progress(sent)
                reported += sent
        _check_unchanged(content)
        try:
            blob.commit_block_list([BlobBlock(block_id=key) for key in content.ids], **content.stored_as)
        except HttpResponseError as error:
            if code_of(error) != "InvalidBlockList" or attempt == TRIES:
                raise
        else:
            return


def _send_block(blob: BlobClient, content: _Content, index: int) -> int:
    length = _length(content, index)
    with content.path.open("rb") as file:
        data = os.pread(file.fileno(), length, index * content.block)
    blob.stage_block(content.ids[index], data, length=len(data), validate_content=True)
    return length


def _length(content: _Content, index: int) -> int:
    return min(content.block, content.size - index * content.block)


def _uncommitted(blob: BlobClient) -> set[str]:
    try:
        return {block.id for block in blob.get_block_list("uncommitted")[1]}
    except ResourceNotFoundError as error:
        if code_of(error) == "ContainerNotFound":
            raise
        return set()


def _is_there(blob: BlobClient, content: _Content) -> bool:
    try:
        found = blob.get_blob_properties()
    except ResourceNotFoundError:
        return False
    return found.size == content.size and (found.metadata or {}).get("aml_sha256") == content.sha256


def _read(local: Path) -> _Content:
    facts = local.stat()
    block = max(BLOCK, -(-facts.st_size // MOST_BLOCKS))
    whole, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    ids: list[str] = []
    with local.open("rb") as file:
        while data := file.read(block):
            whole.update(data)
            md5.update(data)
            ids.append(_block_id(len(ids), data))
    return _Content(local, facts.st_size, facts.st_mtime_ns, whole.hexdigest(), md5.digest(), block, ids)


def _block_id(index: int, data: bytes) -> str:
    """All ids of a blob must have one length."""
    return base64.b64encode(index.to_bytes(4, "big") + hashlib.sha256(data).digest()[:20]).decode()


def _check_unchanged(content: _Content) -> None:
    now = content.path.stat()
    if (now.st_size, now.st_mtime_ns) != (content.size, content.modified):
        raise InvalidInputError(
            f"'{content.path}' changed while it was uploaded.", "Upload it again when it is at rest."
        )
