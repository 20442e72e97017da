"""The HTTP application: routes, and what happens to a request between its first byte and its answer."""

from __future__ import annotations

import logging
import time
from typing import Any, Awaitable, Callable, Mapping, Union

from .answered import Answered
from .answers import Answer, error_answer, text_answer
from .capture import Capture
from .capture_upload import CaptureUpload
from .cors import Cors
from .incoming import Incoming
from .inputs import RefusedInputError
from .keys import Digests, Keys
from .metrics import exposition
from .notes import Notes
from .request_ids import Ids, ids_of
from .tracing import Tracing

__all__ = ["App", "Handler", "Route"]

logger = logging.getLogger("azmlinfsrv")

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Handler = Callable[[Incoming], Union[Answer, Awaitable[Answer]]]

_NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and"
    " try again."
)
_NOT_ALLOWED = "The method is not allowed for the requested URL."
_WITHOUT_BODY = frozenset({204, 304})
_INTERNAL = "An unexpected internal error occurred. Check the logs for more info."


class Route:
    """What answers at a path.

    :param is_open: whoever has no key may call it too: probes, which no log, metric or trace tells of.
    """

    __slots__ = ("allow", "handler", "is_open", "is_quiet", "methods")

    def __init__(self, methods: tuple[str, ...], handler: Handler, *, is_open: bool = False) -> None:
        self.methods = frozenset(methods)
        self.allow = ", ".join((*methods, "OPTIONS")).encode()
        self.handler = handler
        self.is_open = is_open
        self.is_quiet = is_open


class App:
    """An ASGI application.

    :param version: what ``x-ms-server-version`` says; empty: the header is left out.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        *,
        version: str,
        max_bytes: int,
        cors: Cors | None,
        keys: Keys | Digests | None,
        has_metrics: bool,
        tracing: Tracing | None,
        capture: Capture | CaptureUpload | None,
    ) -> None:
        self.is_draining = False
        self.notes: Notes | None = None
        self._routes: dict[str, Route] = {
            **routes,
            "/": Route(("GET", "HEAD"), lambda _: text_answer("Healthy"), is_open=True),
            "/ready": Route(("GET", "HEAD"), self._ready, is_open=True),
        }
        if has_metrics:
            self._routes["/metrics"] = Route(("GET", "HEAD"), self._metrics)
        self._version = (b"x-ms-server-version", version.encode()) if version else None
        self._max_bytes = max_bytes
        self._cors = cors
        self._keys = keys
        self._tracing = tracing
        self._capture = capture

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        start = time.perf_counter()
        incoming = Incoming(scope)
        route = self._routes.get(incoming.path)
        if route is None:
            await _send(send, incoming, error_answer(404, _NOT_FOUND))
            return
        if incoming.method not in route.methods and incoming.method != "OPTIONS":
            await _send(send, incoming, error_answer(405, _NOT_ALLOWED))
            return
        ids = ids_of(incoming)
        span = self._tracing.start(incoming) if self._tracing and not route.is_quiet else None
        answer = ids.refusal or await self._answer(route, incoming, receive)
        if answer is None:
            return  # the caller hung up
        self._finish(answer, incoming, ids)
        await _send(send, incoming, answer)
        self._note(route, incoming, answer, ids, time.perf_counter() - start)
        if span is not None and self._tracing is not None:
            self._tracing.end(span, answer, ids.request)

    async def _answer(self, route: Route, incoming: Incoming, receive: Receive) -> Answer | None:
        is_guarded = self._keys is not None and not route.is_open and incoming.method != "OPTIONS"
        refusal = self._keys.refusal(incoming) if is_guarded and self._keys is not None else None
        if refusal is not None:
            return refusal
        try:
            if not await _read_body(incoming, receive, self._max_bytes):
                return None
            if incoming.method == "OPTIONS" and "OPTIONS" not in route.methods:
                return Answer(200, [(b"content-type", b"text/html; charset=utf-8"), (b"allow", route.allow)], b"")
            answer = route.handler(incoming)
            return answer if isinstance(answer, Answer) else await answer
        except RefusedInputError as refused:
            return error_answer(refused.status, refused.message)
        except Exception:
            logger.exception("Encountered Exception:")
            return error_answer(500, _INTERNAL)

    def _finish(self, answer: Answer, incoming: Incoming, ids: Ids) -> None:
        """Add what all answers carry, in place of what a script said of the same."""
        ours = ids.headers()
        if answer.is_foreign:
            names = {name for name, _ in ours}
            answer.headers = [header for header in answer.headers if header[0] not in names]
        answer.headers += ours
        if self._version is not None:
            answer.headers.append(self._version)
        if self._cors is not None:
            answer.headers += self._cors.headers(incoming)

    def _note(self, route: Route, incoming: Incoming, answer: Answer, ids: Ids, seconds: float) -> None:
        if route.is_quiet:
            return
        if self.notes is not None:
            request = (incoming.method, incoming.path, incoming.query)
            self.notes.take(Answered(*request, answer.status, len(answer.body), seconds, answer.run_ms))
        if self._capture is not None and answer.run_ms is not None:
            self._capture.write(incoming, answer, ids.request)

    def _ready(self, _: Incoming) -> Answer:
        return text_answer("Not ready", 503) if self.is_draining else text_answer("Ready")

    def _metrics(self, _: Incoming) -> Answer:
        if self.notes is not None:
            self.notes.flush()
        kind, text = exposition(None)
        return Answer(200, [(b"content-type", kind.encode())], text)


async def _read_body(incoming: Incoming, receive: Receive, limit: int) -> bool:
    """Read the whole body; say whether the caller stayed until its end.

    :raises RefusedInputError: where it is longer than ``limit``; what is announced as longer is not even read.
    """
    announced = incoming.headers.get(b"content-length")
    if announced is not None and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    left = limit
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        left -= len(parts[-1])
        if left < 0:
            raise _too_large(limit)
        if not message.get("more_body"):
            break
    incoming.body = b"".join(parts)
    return bool(message["type"] != "http.disconnect")


def _too_large(limit: int) -> RefusedInputError:
    return RefusedInputError(413, f"The body of a request must not exceed {limit} bytes.")


async def _send(send: Send, incoming: Incoming, answer: Answer) -> None:
    headers = answer.headers
    if answer.status not in _WITHOUT_BODY:
        headers = [*headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if incoming.method == "HEAD" or answer.status in _WITHOUT_BODY else answer.body
    await send({"type": "http.response.body", "body": body})
