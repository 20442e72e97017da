"""Files through a server: each whole or not at all, and what came is what was sent."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from aml_plugins.errors import StoreError
from aml_plugins.store.rest.connection import Connection

__all__ = ["fetch", "send"]

_PIECE = 1 << 20


def send(connection: Connection, path: str, local: Path) -> None:
    """Send a file to a path of the server."""
    with local.open("rb") as file:
        digest = b64encode(_digest(file)).decode()
        headers = {"Content-Digest": f"sha-256=:{digest}:", "Content-Length": str(file.tell())}
        connection.upload("PUT", path, file, headers)


def fetch(connection: Connection, path: str, local: Path, query: Mapping[str, Any] | None = None) -> None:
    """Bring a file to ``local``, whose directory is there."""
    import tempfile  # noqa: PLC0415  a submitter has its script running before

    descriptor, name = tempfile.mkstemp(prefix=".aml-part-", dir=local.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            headers = connection.download(path, query, file)
            _check_length(headers.get("Content-Length"), file.tell(), local.name)
        partial.chmod(0o644)
        partial.replace(local)
    finally:
        partial.unlink(missing_ok=True)


def _digest(file: IO[bytes]) -> bytes:
    """Read to the end, which is also how long the file is while it is sent."""
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.digest()


def _check_length(announced: str | None, came: int, name: str) -> None:
    if announced is not None and announced.isdecimal() and int(announced) != came:
        raise StoreError(f"Only {came} of {announced} bytes of '{name}' came.", "Try again.")
