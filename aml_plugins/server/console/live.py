"""Streams to browsers, bounded: in number, in threads, and in how long one may refuse to read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from anyio import CapacityLimiter, to_thread
from fastapi import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from aml_plugins.server.console.run_stream import RunStream
from aml_plugins.server.json_bodies import json_reply

__all__ = ["MOST_STREAMS", "Streams"]

MOST_STREAMS = 300
THREADS = 16
"""Looks at logs at a time. A target that hangs may keep these busy; the API has threads of its own."""
UNREAD_SECONDS = 20.0
"""A listener that takes nothing for so long is cut off; it may come back and go on where it was."""
PING_SECONDS = 15
RETRY_MILLISECONDS = 2000


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
        return EventSourceResponse(
            self._events(stream),
            ping=PING_SECONDS,
            send_timeout=self._unread_seconds,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(self, stream: RunStream) -> AsyncIterator[ServerSentEvent]:
        self.open += 1
        try:
            yield ServerSentEvent(comment="aml", retry=RETRY_MILLISECONDS)
            while not stream.has_ended:
                for event in await to_thread.run_sync(stream.look, limiter=self._threads):
                    yield event
                await asyncio.sleep(stream.pause)
        finally:
            self.open -= 1
            stream.close()
