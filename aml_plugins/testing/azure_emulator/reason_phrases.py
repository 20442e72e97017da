"""What ASGI has no place for: reason phrases of our own, where Batch says what went wrong, and lost answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["DROPPED", "HEADER", "ReasonProtocol"]

HEADER = b"x-emulator-reason-phrase"
"""A header that never leaves: it becomes the reason phrase."""

DROPPED = b"x-emulator-dropped"
"""With this header nothing leaves, and the connection breaks."""


class _Connection(h11.Connection):
    def __init__(self, limit: int, break_off: Callable[[], None]) -> None:
        super().__init__(h11.SERVER, limit)
        self._break_off = break_off

    def send(self, event: Any) -> Any:
        if isinstance(event, h11.Response):
            if any(name.lower() == DROPPED for name, _ in event.headers):
                self._break_off()
            event = _with_reason(event)
        return super().send(event)


def _with_reason(event: h11.Response) -> h11.Response:
    headers = list(event.headers.raw_items())
    reason = next((value for name, value in headers if name.lower() == HEADER), None)
    if reason is None:
        return event
    kept = [(name, value) for name, value in headers if name.lower() != HEADER]
    return h11.Response(status_code=event.status_code, headers=kept, reason=reason)


class ReasonProtocol(H11Protocol):
    """Uvicorn's own protocol with such a connection."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        limit = self.config.h11_max_incomplete_event_size or 16 * 1024
        self.conn = _Connection(limit, lambda: self.transport.abort())  # noqa: PLW0108  there is none yet
