"""Long-running operations: begun now, done later, asked about in between."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aml_plugins.testing.azure_emulator.batch.text import iso
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["Operation", "Operations"]


@dataclass
class Operation:
    """One operation.

    :param going: its status until it has ended: services do not agree on the word.
    :param resource: the id of what it works on.
    :param result: answers who asks for the result, where there is more to say than that it is over.
    :param is_named: whether it tells its own name, and when it ended.
    """

    going: str
    resource: str
    url: str
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: str = field(default_factory=iso)
    ended: str | None = None
    status: str = ""
    error: Mapping[str, Any] | None = None
    result: Callable[[], Answer] | None = None
    is_named: bool = True

    @property
    def result_url(self) -> str:
        """Where its result is asked for, rather than how it is."""
        return self.url.replace("/operations/", "/operationresults/")

    def finish(self, error: Mapping[str, Any] | None = None) -> None:
        """Say that it is over, with an error or without."""
        self.status = "Failed" if error else "Succeeded"
        self.error = error
        self.ended = iso()

    def body(self) -> dict[str, Any]:
        """Return what is answered to those who ask."""
        said: dict[str, Any] = {
            "id": self.resource,
            **({"name": self.identity} if self.is_named else {}),
            "status": self.status or self.going,
            "startTime": self.started,
        }
        if self.ended is not None and self.is_named:
            said["endTime"] = self.ended
        if self.error is not None:
            said["error"] = dict(self.error)
        return said | {"properties": {"events": []}}


class Operations:
    """All operations, by their id."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Operation] = {}
        self._places: dict[str, Operation] = {}
        self._results: dict[str, Operation] = {}

    def begin(
        self,
        request: Request,
        resource: str,
        *,
        going: str,
        version: str,
        location: str,
        place: str | None = None,
        is_named: bool = True,
    ) -> Operation:
        """Return a new operation; somebody has to finish it.

        :param place: where it is asked about, below the resource; None is the place of most services.
        """
        namespace = resource.rsplit("/providers/", maxsplit=1)[-1].partition("/")[0]
        subscription = resource.split("/")[2]
        made = Operation(going=going, resource=resource, url="", is_named=is_named)
        made.url = (
            f"{request.base}/subscriptions/{subscription}/providers/{namespace}/locations/{location}"
            f"/operations/{made.identity}?api-version={version}"
        )
        if place is not None:
            made.url = f"{request.base}{resource}/{place}?api-version={version}"
            self._places[f"{resource}/{place}".lower()] = made
        self._known[made.identity] = made
        return made

    def begin_at(self, request: Request, owner: str, place: str, result: Callable[[], Answer]) -> Operation:
        """Return a new operation of a service that knows one place only, where its result is asked for.

        :param owner: the id below which that place is.
        :param result: what is answered there in the end.
        """
        version = request.query.get("api-version", "")
        url = f"{request.base}{owner}/{place}?api-version={version}"
        made = Operation(going="InProgress", resource=owner, url=url, result=result)
        self._results[f"{owner}/{place}".lower()] = made
        return made

    def place(self, operation: Operation) -> dict[str, str]:
        """Return the headers that say where to ask, of such a service."""
        return {"Location": operation.url, "Retry-After": "0"}

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later that nobody follows."""
        self._engine.after(seconds, action)

    def after(self, seconds: float, operation: Operation, action: Callable[[], Mapping[str, Any] | None]) -> None:
        """Finish an operation later, with what the action returns as its error."""
        self._engine.after(seconds, lambda: operation.finish(action()))

    def headers(self, operation: Operation, *, location: bool = False) -> dict[str, str]:
        """Return the headers that say where to ask."""
        found = {"Azure-AsyncOperation": operation.url, "Retry-After": "0"}
        if location:
            found["Location"] = operation.result_url
        return found

    def answer(self, path: str) -> Answer | None:
        """Answer somebody who polls; None for another path."""
        placed = self._places.get(path.rstrip("/").lower())
        if placed is not None:
            return Answer(200, {"status": placed.status or placed.going, "error": placed.error})
        resulting = self._results.get(path.rstrip("/").lower())
        if resulting is not None:
            return _result(resulting)
        parts = path.strip("/").split("/")
        if len(parts) < 2 or parts[-2].lower() not in {"operations", "operationresults"}:  # noqa: PLR2004
            return None
        known = self._known.get(parts[-1])
        if known is None:
            return Answer(404, {"error": {"code": "OperationNotFound", "message": "There is no such operation."}})
        if parts[-2].lower() == "operationresults":
            return _result(known)
        return Answer(200, known.body())


def _result(operation: Operation) -> Answer:
    """Answer who follows ``Location``: 202 until it is over, and then what came of it."""
    if operation.error is not None:
        return Answer(400, {"error": dict(operation.error)})
    if operation.status:
        return operation.result() if operation.result else Answer(200)
    return Answer(202, None, {"Location": operation.result_url, "Retry-After": "0"})
