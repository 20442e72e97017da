"""What builds bring and leave: blobs behind addresses that are good for one of them."""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, field

from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["BuildFiles"]

_PREFIX = "/acrbuilds/"
_BLOCK_ID = re.compile(r"<(?:Latest|Uncommitted|Committed)>([^<]*)</")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_WHEN = "Thu, 01 Jan 2026 00:00:00 GMT"


@dataclass
class _Blob:
    """One file.

    :param writable: whether its address takes content.
    """

    signature: str
    writable: bool
    content: bytes = b""
    blocks: dict[str, bytes] = field(default_factory=dict)
    is_there: bool = False


class BuildFiles:
    """As much of Azure's blob service as its client needs to send a file, and to read one that grows."""

    def __init__(self) -> None:
        self._blobs: dict[str, _Blob] = {}
        self._lock = threading.Lock()

    def knows(self, path: str) -> bool:
        """Say whether a path is one of these."""
        return path.startswith(_PREFIX)

    def address(self, base: str, name: str, *, writable: bool) -> str:
        """Return the address of a file, which is made where it is not there."""
        with self._lock:
            blob = self._blobs.setdefault(name, _Blob(secrets.token_urlsafe(16), writable))
        return f"{base}{_PREFIX}files/{name}?sv=2021-08-06&sr=b&sp={'cw' if writable else 'r'}&sig={blob.signature}"

    def append(self, name: str, content: bytes) -> None:
        """Add to a file."""
        with self._lock:
            blob = self._blobs.setdefault(name, _Blob(secrets.token_urlsafe(16), writable=False))
            blob.content += content
            blob.is_there = True

    def content(self, name: str) -> bytes | None:
        """Return a file's content, None where none came."""
        blob = self._blobs.get(name)
        return blob.content if blob is not None and blob.is_there else None

    def answer(self, request: Request) -> Answer:
        """Answer a request for a file."""
        blob = self._blobs.get(request.path.removeprefix(f"{_PREFIX}files/"))
        if blob is None or not secrets.compare_digest(request.query.get("sig", ""), blob.signature):
            return _refused(403, "AuthenticationFailed")
        with self._lock:
            if request.verb == "PUT":
                return self._put(request, blob) if blob.writable else _refused(403, "AuthorizationPermissionMismatch")
            if not blob.is_there:
                return _refused(404, "BlobNotFound")
            return _read(request, blob.content)

    def _put(self, request: Request, blob: _Blob) -> Answer:
        kind = request.query.get("comp")
        if kind == "block":
            blob.blocks[request.query["blockid"]] = request.content
        elif kind == "blocklist":
            named = _BLOCK_ID.findall(request.content.decode("utf-8", "replace"))
            if any(name not in blob.blocks for name in named):
                return _refused(400, "InvalidBlockList")
            blob.content, blob.is_there = b"".join(blob.blocks[name] for name in named), True
        elif kind is None:
            blob.content, blob.is_there = request.content, True
        else:
            return _refused(400, "UnsupportedQueryParameter")
        return Answer(201, None, {"ETag": '"0x1"', "Last-Modified": _WHEN, "x-ms-request-server-encrypted": "true"})


def _read(request: Request, content: bytes) -> Answer:
    headers = {"ETag": '"0x1"', "Last-Modified": _WHEN, "x-ms-blob-type": "AppendBlob", "Accept-Ranges": "bytes",
               "Content-Type": "text/plain"}  # fmt: skip
    if request.verb == "HEAD":
        return Answer(200, None, {**headers, "Content-Length": str(len(content))})
    found = _RANGE.fullmatch(request.headers.get("x-ms-range") or request.headers.get("range") or "")
    if found is None:
        return Answer(200, content, headers)
    first, last = int(found[1]), int(found[2] or len(content) - 1)
    piece = content[first : last + 1]
    if not piece:
        return _refused(416, "InvalidRange")
    return Answer(206, piece, {**headers, "Content-Range": f"bytes {first}-{first + len(piece) - 1}/{len(content)}"})


def _refused(status: int, code: str) -> Answer:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return Answer(status, body.encode(), {"x-ms-error-code": code, "Content-Type": "application/xml"})
