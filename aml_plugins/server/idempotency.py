"""Creates that may be sent twice: an ``Idempotency-Key`` header makes the second one the first one's answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request

from aml_plugins.errors import AmlError, InvalidInputError
from aml_plugins.server.guarding import caller
from aml_plugins.server.serving import server_of

__all__ = ["KEY_HEADER", "key_of", "once"]

T = TypeVar("T")

KEY_HEADER = "Idempotency-Key"
_LONGEST = 255


def key_of(request: Request) -> str | None:
    """Return the request's key within everything that it must not be mistaken for, None where it has none."""
    given = request.headers.get(KEY_HEADER)
    if given is None:
        return None
    if not given or len(given) > _LONGEST:
        raise InvalidInputError(f"An {KEY_HEADER} has 1 to {_LONGEST} characters.", "Use a UUID.")
    parts = (caller(request).name, request.method, request.scope["path"], given)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def once(request: Request, body: Any, make: Callable[[], T], already: Callable[[], T | None]) -> T:
    """Return what ``make`` made, now or when the same request came before.

    The key is written down first. A request that comes again looks for what the first one made, and makes it where the
    server was killed in between.

    :param body: what is asked for; another body under the same key is refused.
    :param already: returns what an earlier try has made, None where it has not.
    """
    key = key_of(request)
    if key is None:
        return make()
    requests = server_of(request).requests
    fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    earlier = requests.begin(key, fingerprint)
    if earlier is None:
        return _first(make, lambda: requests.forget(key))
    if earlier != fingerprint:
        raise InvalidInputError(f"The {KEY_HEADER} was used for another request.", "Use a new one for each request.")
    found = already()
    return make() if found is None else found


def _first(make: Callable[[], T], forget: Callable[[], None]) -> T:
    try:
        return make()
    except AmlError:
        forget()
        raise
