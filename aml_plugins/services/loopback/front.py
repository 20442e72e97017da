"""The process that a loopback service's address belongs to: it passes requests on, and outlives every version.

``python -m aml_plugins.services.loopback.front DIRECTORY``. It does what ``routes.json`` says, and writes to
``front.json`` which version of it it does, and which deployments have requests under way.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import uvicorn

from aml_plugins.services.loopback.upstream import Upstream, UpstreamError

__all__ = ["Front", "main"]

_LOOK_SECONDS = 0.05
_LONGEST_BODY = 1 << 30
_NOT_READY = (503, b"The service is not ready.")
_AWAY = (502, b"The service's process cannot be reached.")
_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"expect"})


class Front:
    """An ASGI application that chooses a deployment for each request."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._upstreams: dict[str, Upstream] = {}
        self._weights: dict[str, int] = {}
        self._credit: dict[str, float] = {}
        self._version = -1
        self._seen: Any = None
        self._written = ""
        self.port = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        """Pass one request on."""
        key = self._choose()
        if key is None:
            await _refuse(send, *_NOT_READY)
            return
        upstream = self._upstreams[key]
        upstream.in_flight += 1
        try:
            body = await _read(receive)
            if body is None:
                return
            status, headers, content = await upstream.ask(_head(scope, body), body, method=scope["method"])
        except UpstreamError:
            await _refuse(send, *_AWAY)
            return
        finally:
            upstream.in_flight -= 1
        kept = [header for header in headers if header[0].lower() not in _HOP]
        await send({"type": "http.response.start", "status": status, "headers": kept})
        await send({"type": "http.response.body", "body": content})

    async def keep_up(self) -> None:
        """Follow ``routes.json`` for ever."""
        while True:
            with suppress(OSError, ValueError):
                self._look()
            self._tell()
            await asyncio.sleep(_LOOK_SECONDS)

    def _choose(self) -> str | None:
        """Return the deployment whose turn it is: each gets its share of any hundred requests."""
        if not self._weights:
            return None
        for key, weight in self._weights.items():
            self._credit[key] = self._credit.get(key, 0.0) + weight
        chosen = max(self._weights, key=lambda key: self._credit[key])
        self._credit[chosen] -= sum(self._weights.values())
        return chosen

    def _look(self) -> None:
        path = self._directory / "routes.json"
        status = path.stat()
        seen = (status.st_mtime_ns, status.st_ino)
        if seen == self._seen:
            return
        wanted = json.loads(path.read_text())
        for route in wanted["routes"]:
            known = self._upstreams.get(route["key"])
            if known is None or known.port != route["port"]:
                self._upstreams[route["key"]] = Upstream(route["port"], known.in_flight if known else 0)
        self._weights = {route["key"]: route["weight"] for route in wanted["routes"] if route["weight"] > 0}
        self._credit = {key: self._credit.get(key, 0.0) for key in self._weights}
        self._version, self._seen = wanted["version"], seen

    def _tell(self) -> None:
        gone = [key for key, one in self._upstreams.items() if key not in self._weights and not one.in_flight]
        for key in gone:
            self._upstreams.pop(key).close()
        busy = sorted(key for key in self._upstreams if key not in self._weights)
        text = json.dumps({"pid": os.getpid(), "port": self.port, "version": self._version, "busy": busy})
        if text != self._written:
            _write_whole(self._directory / "front.json", text)
            self._written = text


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def _head(scope: Mapping[str, Any], body: bytes) -> bytes:
    path = scope.get("raw_path") or scope["path"].encode()
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    lines = [scope["method"].encode() + b" " + path + query + b" HTTP/1.1"]
    kept = ((name, value) for name, value in scope["headers"] if name not in _HOP and name != b"content-length")
    lines += [name + b": " + value for name, value in kept]
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


async def _refuse(send: Any, status: int, words: bytes) -> None:
    body = json.dumps({"message": words.decode()}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front
        self._tasks: list[asyncio.Task[None]] = []

    async def startup(self, sockets: Any = None) -> None:
        with suppress(OSError, ValueError):
            self._front._look()  # noqa: SLF001  its own server
        await super().startup(sockets)
        self._front.port = self.servers[0].sockets[0].getsockname()[1]
        self._tasks.append(asyncio.get_running_loop().create_task(self._front.keep_up()))


def main(arguments: list[str]) -> int:
    """Serve until told to stop.

    :param arguments: the service's directory and the port to take, 0 for any.
    """
    directory, port = Path(arguments[0]), int(arguments[1])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    front = Front(directory)
    config = uvicorn.Config(
        cast("Any", front),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )
    _Server(config, front).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
