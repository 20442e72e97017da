"""Streams to browsers, bounded: in number, in threads, and in how long one may refuse to read."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, Event, move_on_after, to_thread
from fastapi import Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError

from aml_plugins.server.console.run_stream import RunStream
from aml_plugins.server.json_bodies import json_reply

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["MOST_STREAMS", "Streams"]

logger = logging.getLogger(__name__)

MOST_STREAMS = 300
THREADS = 16
"""Looks at logs at a time. A target that hangs may keep these busy; the API has threads of its own."""
UNREAD_SECONDS = 20.0
"""A listener that takes nothing for so long is cut off; it may come back and go on where it was."""
PING_SECONDS = 15
RETRY_MILLISECONDS = 2000
FAREWELL_SECONDS = 3.0
"""How long a server that ends waits for its streams to end by themselves."""


class Streams:
    """The streams of one server process."""

    def __init__(self, most: int = MOST_STREAMS, unread_seconds: float = UNREAD_SECONDS) -> None:
        self.open = 0
        self._most = most
        self._unread_seconds = unread_seconds
        self._threads = CapacityLimiter(THREADS)

    def answer(self, stream: RunStream) -> Response:
        """Return the response that is the stream, or 503 where there are too many."""
        if self.open >= self._most:
            return json_reply(
                {"error_code": "busy", "message": "Too many pages listen at the moment.", "fix": "Try again later."},
                status=503,
                headers={"Retry-After": "30"},
            )
        server_ends = Event()
        return _Stream(
            self._events(stream, server_ends),
            ping=PING_SECONDS,
            send_timeout=self._unread_seconds,
            shutdown_event=server_ends,
            shutdown_grace_period=FAREWELL_SECONDS,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(self, stream: RunStream, server_ends: Event) -> AsyncIterator[ServerSentEvent]:
        self.open += 1
        try:
            yield ServerSentEvent(comment="aml", retry=RETRY_MILLISECONDS)
            while not stream.has_ended and not server_ends.is_set():
                for event in await to_thread.run_sync(stream.look, limiter=self._threads):
                    yield event
                with move_on_after(stream.pause):
                    await server_ends.wait()
        finally:
            self.open -= 1
            stream.close()


class _Stream(EventSourceResponse):
    """A listener who is cut off is no failure of ours: one line in the log, not a stack."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            logger.info("A listener of %s took nothing for too long and was cut off.", scope["path"])
