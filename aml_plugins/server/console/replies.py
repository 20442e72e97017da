"""Answers of the read models: small JSON that a browser need not fetch again while nothing changed."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

from fastapi import Response

from aml_plugins.server.json_bodies import json_reply

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["number", "unchanged_or"]

_LENGTH = 16


def unchanged_or(request: Request, value: Any) -> Response:
    """Return the value, or 304 where the browser has it already. The value must not tell the time."""
    reply = json_reply(value)
    digest = hashlib.blake2b(bytes(reply.body), digest_size=_LENGTH).hexdigest()
    headers = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache"}
    if f'"{digest}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    reply.headers.update(headers)
    return reply


def number(value: float) -> float | str:
    """Return a number as JSON knows it: what is not finite becomes its name."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
