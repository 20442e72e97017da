"""What a front is asked and told over HTTP: probes, its state, and new routes from whoever signs them.

A message is signed, not hidden: it holds digests of keys, never a key. It must come next after what is in force: so
repeating one is of no use to anybody, and of two at a time one is refused. It may hold the routes or the keys alone.
"""

from __future__ import annotations

import hmac
import json
import os
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Mapping

if TYPE_CHECKING:
    from .application import Front

__all__ = ["SIGNATURE", "Control", "refuse", "respond", "signature"]

SIGNATURE = "x-aml-signature"
_LONGEST = 1 << 20
_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]
_JSON = [(b"content-type", b"application/json")]


class Control:
    """Answers at the control port.

    :param secret: signs new routes; None: they come as a file only.
    """

    def __init__(self, secret: bytes | None) -> None:
        self._secret = secret

    async def answer(
        self, front: Front, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Any
    ) -> None:
        """Answer one request."""
        asked = (scope["method"], scope["path"])
        if asked == ("GET", "/"):
            await respond(send, 200, _TEXT, b"Healthy")
        elif asked == ("GET", "/ready"):
            ready = bool(front.table.weights)
            await respond(send, 200 if ready else 503, _TEXT, b"Ready" if ready else b"Not ready")
        elif asked == ("GET", "/state"):
            await respond(send, 200, _JSON, json.dumps(front.state()).encode())
        elif asked == ("POST", "/routes") and self._secret is not None:
            await self._take(front, scope, receive, send)
        else:
            await refuse(send, 404, "Not found.")

    async def _take(
        self, front: Front, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Any
    ) -> None:
        body = await _bounded(receive)
        signed = dict(scope["headers"]).get(SIGNATURE.encode(), b"").decode("ascii", "replace")
        if body is None or not hmac.compare_digest(signed, signature(self._secret or b"", body)):
            await refuse(send, 403, "The routes are not signed by the service's owner.")
            return
        given = json.loads(body)
        is_next = given["version"] == max(0, front.state()["version"]) + 1
        if is_next:
            _write(front.table.path, json.dumps({**front.table.content, **given}).encode())
        await respond(send, 200 if is_next else 409, _JSON, json.dumps(front.state()).encode())


def signature(secret: bytes, body: bytes) -> str:
    """Return what proves that a body comes from who knows the secret."""
    return hmac.new(secret, b"routes " + body, "sha256").hexdigest()


async def respond(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole answer; a length that the headers have is kept."""
    names = {name.lower() for name, _ in headers}
    length = [] if b"content-length" in names else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Any, status: int, words: str) -> None:
    """Say no, in the form of the scoring server's errors."""
    await respond(send, status, _JSON, json.dumps({"message": words}).encode())


async def _bounded(receive: Callable[[], Awaitable[Any]]) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if message["type"] == "http.disconnect" or len(body) > _LONGEST:
            return None
        if not message.get("more_body"):
            return body


def _write(path: str, body: bytes) -> None:
    with open(f"{path}.partial", "wb") as file:
        file.write(body)
    os.replace(f"{path}.partial", path)
