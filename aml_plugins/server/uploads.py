"""Files that come in: to a directory of ours first, whole and as they were announced, before anybody sees them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from aml_plugins.errors import InvalidInputError
from aml_plugins.server.serving import server_of

__all__ = ["UPLOAD_OPENAPI", "received"]

_PIECE = 1 << 20
UPLOAD_OPENAPI = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@asynccontextmanager
async def received(request: Request, name: str) -> AsyncIterator[Path]:
    """Yield the body as a file of this name; it is deleted afterwards, unless somebody moved it.

    :raises InvalidInputError: where it is not what its ``Content-Digest`` header says.
    """
    root = server_of(request).context.home / "uploads"
    directory = await run_in_threadpool(_new_directory, root)
    try:
        file = directory / name
        digest = await _write(request, file)
        _check(request.headers.get("content-digest"), digest)
        yield file
    finally:
        await run_in_threadpool(shutil.rmtree, directory, ignore_errors=True)


def _new_directory(root: Path) -> Path:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=root))


async def _write(request: Request, file: Path) -> bytes:
    digest, waiting = hashlib.sha256(), bytearray()
    with file.open("xb") as target:
        async for piece in request.stream():
            waiting += piece
            if len(waiting) >= _PIECE:
                block, waiting = bytes(waiting), bytearray()
                await run_in_threadpool(target.write, block)
                await run_in_threadpool(digest.update, block)
        target.write(waiting)
        digest.update(waiting)
    return digest.digest()


def _check(announced: str | None, digest: bytes) -> None:
    """Compare with the header as RFC 9530 has it: ``sha-256=:BASE64:``; other algorithms are not ours to check."""
    for part in (announced or "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "sha-256" and _decoded(value) != digest:
            raise InvalidInputError("The file that came is not the one whose digest was announced.", "Send it again.")


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value.strip(":"), validate=True)
    except binascii.Error:
        return b""
