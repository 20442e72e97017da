"""The ASGI application that chooses a deployment for each request."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
from contextlib import suppress
from typing import Any, Awaitable, Callable, Mapping

from .control import Control, refuse, respond
from .table import Table
from .upstream import UpstreamError

__all__ = ["Front"]

_LOOK_SECONDS = 0.05
_LONGEST_BODY = 1 << 30
_NOT_READY = (503, "The service is not ready.")
_AWAY = (502, "The service's process cannot be reached.")
_NO_KEY = (401, "A valid key is required. Send it as: Authorization: Bearer KEY")
_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"expect"})
_SCHEME = b"bearer "


class Front:
    """Passes requests on.

    :param control: answers at ``control_port``; None: the state goes into ``front.json``.
    :param draining_file: once it exists, callers are asked to connect anew, that is, elsewhere.
    :param inner: the secret from which the key of each deployment follows, where deployments want one.
    """

    def __init__(
        self,
        directory: str,
        *,
        control: Control | None = None,
        control_port: int | None = None,
        draining_file: str | None = None,
        inner: bytes | None = None,
    ) -> None:
        self.table = Table(directory)
        self.port = 0
        self._directory = directory
        self._control = control
        self._control_port = control_port
        self._draining_file = draining_file
        self._is_draining = False
        self._inner = inner
        self._written = ""

    async def __call__(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        """Pass one request on, or answer what is asked about ourselves."""
        if self._control is not None and scope["server"][1] == self._control_port:
            await self._control.answer(self, scope, receive, send)
            return
        if not self._may_call(scope):
            await refuse(send, *_NO_KEY)
            return
        key = self.table.choose()
        if key is None:
            await refuse(send, *_NOT_READY)
            return
        await self._pass_on(key, scope, receive, send)

    def state(self) -> dict[str, Any]:
        """Return what we do now, as of this moment."""
        with suppress(OSError, ValueError):
            self.table.look()
        busy = self.table.forget_idle()
        told = {"pid": os.getpid(), "port": self.port, "version": self.table.version, "busy": busy}
        return {**told, "digests": self.table.digests()}

    async def keep_up(self) -> None:
        """Follow ``routes.json`` for ever."""
        while True:
            self._look_around()
            await asyncio.sleep(_LOOK_SECONDS)

    def _look_around(self) -> None:
        told = json.dumps(self.state())
        if self._control is None and told != self._written:
            write_whole(os.path.join(self._directory, "front.json"), told)
            self._written = told
        self._is_draining = self._draining_file is not None and os.path.exists(self._draining_file)

    async def _pass_on(
        self, key: str, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Any
    ) -> None:
        upstream, under_way = self.table.upstreams[key], self.table.in_flight
        under_way[key] = under_way.get(key, 0) + 1
        try:
            body = await _read(receive)
            if body is None:
                return
            head = _head(scope, body, inner_key(self._inner, key))
            status, headers, content = await upstream.ask(head, body, method=scope["method"])
        except UpstreamError:
            await refuse(send, *_AWAY)
            return
        finally:
            under_way[key] -= 1
        kept = [header for header in headers if header[0].lower() not in _HOP]
        if self._is_draining:
            kept.append((b"connection", b"close"))
        await respond(send, status, kept, content)

    def _may_call(self, scope: Mapping[str, Any]) -> bool:
        known = self.table.keys
        if known is None:
            return True
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        key = given[len(_SCHEME) :].strip() if given[: len(_SCHEME)].lower() == _SCHEME else b""
        digest = hashlib.sha256(key).hexdigest()
        # All are compared, so that the time tells nobody which one was close.
        return bool(sum(hmac.compare_digest(digest, one) for one in known))


def inner_key(secret: bytes | None, deployment: str) -> bytes | None:
    """Return the key that a deployment wants from us, None where it wants none."""
    if secret is None:
        return None
    return hmac.new(secret, f"deployment {deployment}".encode(), "sha256").hexdigest().encode()


def write_whole(path: str, text: str) -> None:
    """Write a file so that readers see the old one or the new one."""
    partial = f"{path}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(partial, path)


def _head(scope: Mapping[str, Any], body: bytes, key: bytes | None) -> bytes:
    path = scope.get("raw_path") or scope["path"].encode()
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    lines = [scope["method"].encode() + b" " + path + query + b" HTTP/1.1"]
    left_out = _HOP | {b"content-length"} | ({b"authorization"} if key is not None else set())
    lines += [name + b": " + value for name, value in scope["headers"] if name not in left_out]
    if key is not None:
        lines.append(b"authorization: Bearer " + key)
    lines.append(b"content-length: " + str(len(body)).encode())
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def _read(receive: Callable[[], Awaitable[Any]]) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body") or size > _LONGEST_BODY:
            return b"".join(parts)
