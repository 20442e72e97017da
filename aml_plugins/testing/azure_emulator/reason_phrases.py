"""HTTP reason phrases of our own: Batch says there what went wrong, and ASGI has no place for them."""

from __future__ import annotations

from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEADER", "ReasonProtocol"]

HEADER = b"x-emulator-reason-phrase"
"""A header that never leaves: it becomes the reason phrase."""


class _Connection(h11.Connection):
    def send(self, event: Any) -> Any:
        if isinstance(event, h11.Response):
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
        self.conn = _Connection(h11.SERVER, limit)
