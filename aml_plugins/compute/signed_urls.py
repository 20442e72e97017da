"""What is asked of a datastore's signed URLs directly, where its own operations do not say it; errors in words.

Source: Microsoft's specification of Azure Blob Storage (Get Blob with ``Range``, Put Blob with ``If-None-Match``).
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aml_plugins.errors import TransientBackendError

__all__ = ["create_empty", "read_lines"]

_CHUNK = 1 << 20
_SECONDS = 30
_NOTHING_NEW = (HTTPStatus.NOT_FOUND, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)


def read_lines(url: str, first: int) -> tuple[bytes, int]:
    """Return whole lines of a growing file from byte ``first`` on, 1 MiB at most, and where to go on.

    That is the beginning where there is no file, and where it is shorter than what was read: it was begun anew.
    """
    span = {"Range": f"bytes={first}-{first + _CHUNK - 1}"}
    request = urllib.request.Request(url, headers=span)  # noqa: S310  a datastore's own address
    try:
        with _in_words(*_NOTHING_NEW), urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  likewise
            data: bytes = answer.read()
    except urllib.error.HTTPError as error:
        return b"", _nothing_new(error, first)
    whole = data[: data.rfind(b"\n") + 1]
    return whole, first + len(whole)


def create_empty(url: str) -> bool:
    """Create an empty file; False where there is one: of any number of processes at a time, one creates it."""
    headers = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
    request = urllib.request.Request(url, b"", headers, method="PUT")  # noqa: S310  a datastore's own address
    try:
        with _in_words(HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED):
            urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310  likewise
    except urllib.error.HTTPError:
        return False
    return True


def _nothing_new(refusal: urllib.error.HTTPError, first: int) -> int:
    if refusal.code == HTTPStatus.NOT_FOUND:
        return 0
    size = str(refusal.headers.get("Content-Range") or "").rpartition("/")[2]
    return 0 if size.isdecimal() and int(size) < first else first


@contextmanager
def _in_words(*expected: int) -> Iterator[None]:
    """Turn what goes wrong into sentences.

    :param expected: HTTP status codes that say something else; their ``HTTPError`` passes.
    """
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code in expected:
            raise
        raise TransientBackendError(f"The job's datastore answers HTTP {error.code}.") from None
    except OSError as error:
        raise TransientBackendError(f"The job's datastore cannot be reached: {type(error).__name__}.") from None
