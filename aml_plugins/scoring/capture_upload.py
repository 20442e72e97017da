"""What went in and came out, sent to a storage container by the server itself: where no disk outlives it.

Blobs ``captured/SERVICE/YYYY/MM/DD/HH-HOST-PID-NONCE.jsonl`` are *append blobs* of Azure Storage (version 2021-12-02 of
its REST API: Put Blob, Append Block). The address that the server has lets it create blobs and add to them, and neither
read nor change anything. A block names the position where it belongs, so one whose answer was lost is not stored twice.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import queue
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any, Mapping

from .answers import Answer
from .capture import line_of
from .incoming import Incoming

__all__ = ["CaptureUpload"]

logger = logging.getLogger("azmlinfsrv")

_VERSION = "2021-12-02"
_WAITING = 10_000
_LARGEST_BLOCK = 4 << 20
"""Bytes: the service's limit of a block in this version."""
_MOST_BLOCKS = 40_000
"""The service takes 50,000 in a blob."""
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_SECONDS = 30.0
_LEAVING_SECONDS = 10.0
_GONE, _TAKEN, _MOVED_ON = 404, 409, 412


class CaptureUpload:
    """Sends what waits every few seconds. Scoring never waits for it: what is too much is dropped, and counted.

    :param address: of the container, with a signature.
    :param service: whose requests these are.
    :param pause: seconds between two blocks.
    """

    def __init__(self, address: str, service: str, *, pause: float = 5.0) -> None:
        self._place, _, self._signature = address.partition("?")
        self._service = service
        self._pause = pause
        self._lines: queue.Queue[bytes] = queue.Queue(_WAITING)
        self._dropped = 0
        self._blob: _AppendBlob | None = None
        self._over = threading.Event()
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._send_all, daemon=True)
        self._thread.start()

    def write(self, incoming: Incoming, answer: Answer, request_id: str) -> None:
        """Take one scored request down."""
        self.take(line_of(incoming, answer, request_id))

    def take(self, line: dict[str, Any]) -> None:
        """Take a line down."""
        if self._dropped:
            line["dropped_before"] = self._dropped
        text = f"{json.dumps(line)}\n".encode()
        self._dropped = 0 if len(text) <= _LARGEST_BLOCK and self._put(text) else self._dropped + 1

    def _put(self, text: bytes) -> bool:
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """Send what waits, for as long as a server that ends may take."""
        self._over.set()
        self._thread.join(_LEAVING_SECONDS)
        self._is_abandoned = True

    def _send_all(self) -> None:
        pause, block = self._pause, b""
        while not self._is_abandoned and (not self._over.is_set() or block or not self._lines.empty()):
            self._over.wait(pause)
            block = self._rest_of(block)
            pause = _longer(pause) if block else self._pause
            if block and self._over.is_set():
                time.sleep(_PAUSE)

    def _rest_of(self, block: bytes) -> bytes:
        """Send a block and all that waits; return what the storage did not take."""
        try:
            while block := block or self._block():
                self._send(block)
                block = b""
        except (OSError, http.client.HTTPException) as error:
            # Without the address: it has a signature.
            logger.error("Inputs and outputs cannot be stored now: %s", _reason(error))  # noqa: TRY400
        return block

    def _block(self) -> bytes:
        """Return the lines that wait, as many as one block may have."""
        found, size = [], 0
        while not self._lines.empty() and size + len(self._lines.queue[0]) <= _LARGEST_BLOCK:
            found.append(self._lines.get_nowait())
            size += len(found[-1])
        return b"".join(found)

    def _send(self, block: bytes) -> None:
        hour = time.strftime("%Y/%m/%d/%H", time.gmtime())
        if self._blob is None or self._blob.is_over(hour):
            name = f"captured/{self._service}/{hour}-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"
            address = f"{self._place}/{urllib.parse.quote(name)}?{self._signature}"
            self._blob = _AppendBlob(address, hour)
        self._blob.append(block)


class _AppendBlob:
    """One blob that nobody else writes."""

    def __init__(self, address: str, hour: str) -> None:
        self._hour = hour
        self._count = 0
        self._is_unsure = False
        self._address = address
        self._size = 0
        self._is_there = False

    def is_over(self, hour: str) -> bool:
        """Say whether the next block belongs to another blob; one that may be here already goes nowhere else."""
        return not self._is_unsure and (self._hour != hour or self._count >= _MOST_BLOCKS)

    def append(self, block: bytes) -> None:
        """Add a block, once.

        :raises OSError: where the storage did not take it, or nobody knows.
        """
        if not self._is_there:
            kind = {"x-ms-blob-type": "AppendBlob", "If-None-Match": "*", "Content-Type": "application/x-ndjson"}
            _put(self._address, b"", kind, fine=_TAKEN)
            self._is_there = True
        self._is_unsure = True
        place = {"x-ms-blob-condition-appendpos": str(self._size)}
        try:
            # Where the blob is longer already, it was this block: there is no other writer.
            _put(f"{self._address}&comp=appendblock", block, place, _MOVED_ON)
        except urllib.error.HTTPError as error:
            if error.code == _GONE:  # somebody cleared up: the next try makes it anew
                self._is_there, self._size = False, 0
            raise
        self._is_unsure = False
        self._size += len(block)
        self._count += 1


def _put(address: str, body: bytes, headers: Mapping[str, str], fine: int) -> None:
    headers = {"x-ms-version": _VERSION, "Content-Length": str(len(body)), **headers}
    request = urllib.request.Request(address, data=body, headers=dict(headers), method="PUT")  # noqa: S310  as given
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310  likewise
            return
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != fine:
            raise


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the storage refused with {error.code} {error.headers.get('x-ms-error-code', '')}".rstrip()
    return type(getattr(error, "reason", error)).__name__


def _longer(pause: float) -> float:
    return min(max(pause, _PAUSE) * 2, _LONGEST_PAUSE)
