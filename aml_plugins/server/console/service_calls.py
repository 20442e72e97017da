"""What the page asks a service itself: its schema, its log, and one request of somebody who tries it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from pydantic import Field

from aml_plugins.errors import AmlError, OperationFailedError, TransientBackendError
from aml_plugins.server.console.service_page import backend_within_reach
from aml_plugins.server.models.values import Strict
from aml_plugins.services.abilities import SupportsAddress
from aml_plugins.services.versions import versions_of
from aml_plugins.tasks.addresses import PRIVATE, NoRedirect, careful_opener

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.services.contract import ServiceBackend
    from aml_plugins.store.records import ServiceRecord

__all__ = ["Trial", "call", "last_lines", "schema"]

LINES = 500
SECONDS = 30.0
AT_A_TIME = 6
"""Requests to services at a time: a service that hangs must not take the threads that everybody's requests need."""
_LONGEST_ANSWER = 1 << 20
_places = threading.BoundedSemaphore(AT_A_TIME)


class Trial(Strict):
    """A request that somebody wrote."""

    body: str = Field(max_length=1 << 20, description="Sent as it is, as JSON.")


@dataclass(frozen=True, slots=True)
class _Said:
    status: int
    kind: str
    body: bytes
    milliseconds: float


def schema(context: Context, record: ServiceRecord) -> dict[str, Any]:
    """Return the JSON schema of the service's input, and an example where its author gave one.

    :raises OperationFailedError: where the service is not up.
    :raises TransientBackendError: where it does not answer.
    """
    said = _ask(context, record, "/swagger.json", None)
    try:
        document = json.loads(said.body)
        found = document["definitions"]["ServiceInput"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {"schema": None, "example": None}
    is_schema = isinstance(found, dict)
    return {"schema": found if is_schema else None, "example": found.get("example") if is_schema else None}


def call(context: Context, record: ServiceRecord, trial: Trial) -> dict[str, Any]:
    """Send one request to the service with its key, which never leaves this machine; return what it said."""
    said = _ask(context, record, "/score", trial.body.encode())
    return {
        "status": said.status,
        "type": said.kind,
        "milliseconds": round(said.milliseconds, 1),
        "text": said.body[:_LONGEST_ANSWER].decode("utf-8", "replace"),
        "is_whole": len(said.body) <= _LONGEST_ANSWER,
    }


def last_lines(context: Context, record: ServiceRecord) -> dict[str, Any]:
    """Return the last lines of each version's log, the newest version last."""
    backend = backend_within_reach(context, record)
    logs = []
    with _place():
        for one in versions_of(record):
            if backend is None or one.get("handle") is None:
                continue
            try:
                text = backend.logs(one["handle"], LINES)
            except AmlError as error:
                text = str(error)
            logs.append({"key": one.get("key"), "image": one.get("image"), "text": text})
    return {"logs": logs, "is_within_reach": backend is not None}


def _ask(context: Context, record: ServiceRecord, path: str, body: bytes | None) -> _Said:
    backend = backend_within_reach(context, record)
    address, opener = _way(backend, record)
    if backend is None:
        raise OperationFailedError(
            f"The service '{record.name}' cannot be asked from this server: it is another machine's, or of a type "
            "that is not installed here.",
            f"Ask it there: aml service test {record.name}",
        )
    if address is None:
        raise OperationFailedError(
            f"The service '{record.name}' cannot be asked from this server: it has no address, and is {record.state}.",
            "Wait until it is up; some types have an address only where they run.",
        )
    request = Request(address + path, data=body, headers=_headers(backend, record))  # noqa: S310  http or https, below
    if request.type not in {"http", "https"}:
        raise OperationFailedError(f"The service '{record.name}' has no HTTP address.", "Deploy it anew.")
    with _place():
        return _answer(opener, request, record.name)


def _way(backend: ServiceBackend | None, record: ServiceRecord) -> tuple[str | None, OpenerDirector]:
    """Return the address and what goes there: an address that only the row tells is a stranger's word."""
    if isinstance(backend, SupportsAddress):
        return backend.address(record), build_opener(ProxyHandler({}), NoRedirect)
    return record.endpoint or None, careful_opener()


def _headers(backend: ServiceBackend, record: ServiceRecord) -> dict[str, str]:
    config = record.desired.get("config")
    needs_key = isinstance(config, dict) and bool(config.get("auth"))
    key = {"Authorization": f"Bearer {backend.keys(record).primary}"} if needs_key else {}
    return {"Content-Type": "application/json", **key}


def _answer(opener: OpenerDirector, request: Request, name: str) -> _Said:
    begun = time.perf_counter()
    try:
        try:
            response = opener.open(request, timeout=SECONDS)
        except HTTPError as error:  # an answer like others
            response = error
        with response:
            body = response.read(_LONGEST_ANSWER + 1)
            kind = response.headers.get("Content-Type", "")
            return _Said(response.status, kind, body, (time.perf_counter() - begun) * 1000)
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise TransientBackendError(
            f"The service '{name}' did not answer: {reason}.",
            f"Look at its log. Private addresses are asked only where the server has {PRIVATE}=1.",
        ) from error


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=SECONDS):
        raise TransientBackendError("Too many services are being asked at the moment.", "Try again later.")
    try:
        yield
    finally:
        _places.release()
