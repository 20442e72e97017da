"""The headers that the resource manager puts around everybody's answers. As recorded."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping

from aml_plugins.testing.azure_emulator.exchange import Request

__all__ = ["challenge", "common"]

# How many requests of a kind the subscription may still send; the emulator throttles nobody who does not ask for it.
_LEFT = {"GET": ("reads", "11999"), "HEAD": ("reads", "11999"), "DELETE": ("deletes", "14999")}
_WRITES = ("writes", "1199")


def common(request: Request, region: str) -> Mapping[str, str]:
    """Return the headers of every answer, those of caches, of safety and of support.

    :param region: of the resource manager that answers.
    """
    correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
    kind, left = _LEFT.get(request.verb, _WRITES)
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        f"x-ms-ratelimit-remaining-subscription-{kind}": left,
        "x-ms-request-id": _request_id(request, region, correlation),
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"{region.upper()}:{moment}:{correlation}",
    }


def challenge(request: Request, tenant: str) -> Mapping[str, str]:
    """Return the header that says where a token is to be had; clients learn the tenant from it."""
    why = "The authentication failed because of missing 'Authorization' header."
    said = f'error="invalid_token", error_description="{why}"'
    return {"WWW-Authenticate": f'Bearer authorization_uri="{request.base}/{tenant}", {said}'}


def _request_id(request: Request, region: str, correlation: str) -> str:
    """Container Instances name their region before an id of their own."""
    is_container = "/microsoft.containerinstance/" in request.path.lower()
    return f"{region}:{uuid.uuid4()}" if is_container else correlation
