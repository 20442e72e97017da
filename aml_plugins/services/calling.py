"""Call a service over HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import OperationFailedError, TransientBackendError

if TYPE_CHECKING:
    import urllib3

__all__ = ["call_service"]

_GOOD = 400
_LONGEST_ANSWER_SECONDS = 3600
_GONE_SECONDS = 20
"""A machine that vanished without a word is given up after that, however long an answer may take."""
_NOTICING = {
    "TCP_KEEPIDLE": _GONE_SECONDS // 2,
    "TCP_KEEPINTVL": _GONE_SECONDS // 4,
    "TCP_KEEPCNT": 2,
    "TCP_USER_TIMEOUT": _GONE_SECONDS * 1000,
}


def call_service(name: str, url: str, data: Any, *, key: str | None, headers: Mapping[str, str] | None = None) -> Any:
    """Send one request; return the answer, decoded where it is JSON.

    :param name: of the service, for what is advised.
    :raises OperationFailedError: where the service answers with an error.
    :raises TransientBackendError: where it cannot be reached.
    """
    import urllib3  # noqa: PLC0415  only who calls needs it

    body = data if isinstance(data, (bytes, str)) else json.dumps(data)
    sent = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {key}"} if key else {}),
        **(headers or {}),
    }
    try:
        answer = _pool().request("POST", url, body=body, headers=sent, retries=False, timeout=_LONGEST_ANSWER_SECONDS)
    except urllib3.exceptions.HTTPError as error:
        raise TransientBackendError(
            f"The service at {url} cannot be reached: {type(error).__name__}.", f"See: aml service show {name}"
        ) from error
    value = _decoded(answer.data, str(answer.headers.get("Content-Type", "")))
    if answer.status >= _GOOD:
        message = value.get("message") if isinstance(value, dict) else value
        raise OperationFailedError(
            f"The service answered with {answer.status}: {message}", f"See: aml service logs {name}"
        )
    return value


@cache
def _pool() -> urllib3.PoolManager:
    """Return connections that the kernel asks about while nothing is heard (tcp(7))."""
    import urllib3  # noqa: PLC0415  as above

    known = [(getattr(socket, name), value) for name, value in _NOTICING.items() if hasattr(socket, name)]
    keeping = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *((socket.IPPROTO_TCP, *one) for one in known)]
    return urllib3.PoolManager(socket_options=[*urllib3.connection.HTTPConnection.default_socket_options, *keeping])


def _decoded(body: bytes, kind: str) -> Any:
    if not kind.startswith("application/json"):
        return body.decode("utf-8", "replace") if kind.startswith("text/") else body
    try:
        return json.loads(body)
    except ValueError:
        return body
