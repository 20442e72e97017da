"""The ids that follow a request through all logs: taken from its headers, or made."""

from __future__ import annotations

import logging
import os

from .answers import Answer, error_answer
from .incoming import Incoming

__all__ = ["Ids", "ids_of"]

logger = logging.getLogger("azmlinfsrv")

_LONGEST = 100
_OF_CALLERS = frozenset({b"x-ms-request-id", b"x-ms-client-request-id"})


class Ids:
    """The ids of a request; :attr:`refusal` is the answer where one of them is too long."""

    __slots__ = ("client", "legacy", "refusal", "request", "trace")

    def __init__(self, request: str, legacy: str, client: str, trace: bytes | None) -> None:
        self.request = request
        self.legacy = legacy
        self.client = client
        self.trace = trace
        self.refusal: Answer | None = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that carry them back."""
        found = []
        if self.request:
            found.append((b"x-request-id", self.request.encode("latin-1")))
        if self.legacy:
            found.append((b"x-ms-request-id", self.legacy.encode("latin-1")))
        if self.client:
            found.append((b"x-ms-client-request-id", self.client.encode("latin-1")))
        if self.trace is not None:
            found.append((b"traceid", self.trace))
        return found


def ids_of(incoming: Incoming) -> Ids:
    """Read the three ids: Azure ML's old clients send ``x-ms-request-id`` for what is now the client's id."""
    trace = incoming.headers.get(b"traceid")
    request = incoming.header(b"x-request-id")
    if request is None:
        request = _new_id()
        if not _OF_CALLERS & incoming.headers.keys():
            return Ids(request, request, "", trace)
    if len(request) > _LONGEST:
        return _refused(Ids("", "", "", trace), f"x-request-id must not exceed {_LONGEST} characters")
    legacy = incoming.header(b"x-ms-request-id") or ""
    client = incoming.header(b"x-ms-client-request-id") or ""
    if legacy:
        logger.warning("x-ms-request-id is deprecated: send x-ms-client-request-id.")
        client = client or legacy
    else:
        legacy = client or request
    if len(legacy) > _LONGEST or len(client) > _LONGEST:
        words = f"x-ms-request-id and x-ms-client-request-id must not exceed {_LONGEST} characters"
        return _refused(Ids(request, "", "", trace), words)
    return Ids(request, legacy, client, trace)


def _new_id() -> str:
    """Return a random UUID's text; the standard library's way takes three times as long."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _refused(ids: Ids, message: str) -> Ids:
    ids.refusal = error_answer(431, message)
    return ids
