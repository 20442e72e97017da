"""Connections to one deployment, kept open and used again."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from itertools import chain, repeat
from typing import Any

import httptools

__all__ = ["Upstream", "UpstreamError"]

_IDLE_SECONDS = 3.0  # less than the scoring server waits before it closes an idle connection
_OLDEST_SECONDS = 20.0
"""Then a connection is made anew: behind an address may be many, and new ones among them."""
_CONNECT_SECONDS = 5.0
_PATIENCE_SECONDS = 10.0
"""How long a request waits for a connection that is refused. A cluster's nodes may hear of a version a while after it
is ready, and of one of its replicas a while after that has left. Nothing was sent yet: trying again repeats nothing."""
_PAUSES = (0.05, 0.25, 1.0)
"""Between attempts to connect; the last one again and again."""
_GONE_SECONDS = 20
"""Then a machine that vanished without a word is given up; a connection to it would else wait for hours."""
_NO_CONTENT = frozenset({204, 304})


class UpstreamError(Exception):
    """The deployment cannot be reached, or broke off its answer."""


class _Answer:
    """What ``httptools`` reads of one response."""

    def __init__(self, *, is_head: bool) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.is_complete = False
        self.keeps_open = True
        self._is_head = is_head
        self.parser: Any = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.keeps_open = bool(self.parser.should_keep_alive())
        if self._is_head or self.parser.get_status_code() in _NO_CONTENT:
            self.is_complete = True

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True


async def _some(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(1 << 16)
    if not data:
        raise EOFError
    return data


class _Connection:
    """A connection, and since when it is there and unused."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.made = self.used = time.monotonic()

    @property
    def is_good(self) -> bool:
        """Whether it may be used again."""
        now = time.monotonic()
        is_young = now - self.used < _IDLE_SECONDS and now - self.made < _OLDEST_SECONDS
        return is_young and not self.reader.at_eof()

    def close(self) -> None:
        """Close it, whatever state it is in."""
        with suppress(OSError):
            self.writer.close()


class Upstream:
    """Where a deployment answers."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self._idle: list[_Connection] = []

    async def ask(self, head: bytes, body: bytes, *, method: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Send a request and return the whole answer.

        A kept connection that turns out to be closed before anything came back is replaced once.

        :raises UpstreamError: where there is no answer.
        """
        kept = self._kept()
        if kept is not None:
            with suppress(OSError, EOFError):
                return await self._exchange(kept, head + body, is_head=method == "HEAD")
        try:
            return await self._exchange(await self._connect(), head + body, is_head=method == "HEAD")
        except (OSError, EOFError) as error:
            raise UpstreamError from error

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    async def _exchange(
        self, connection: _Connection, request: bytes, *, is_head: bool
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        answer = _Answer(is_head=is_head)
        try:
            connection.writer.write(request)
            await connection.writer.drain()
            while not answer.is_complete:
                answer.parser.feed_data(await _some(connection.reader))
        except httptools.HttpParserError as error:
            connection.close()
            raise UpstreamError from error
        except BaseException:
            connection.close()
            raise
        if answer.keeps_open:
            connection.used = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close()
        return answer.parser.get_status_code(), answer.headers, b"".join(answer.body)

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_good:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        until = time.monotonic() + _PATIENCE_SECONDS
        pauses = chain(_PAUSES, repeat(_PAUSES[-1]))
        while True:
            try:
                return await self._attempt()
            except (OSError, asyncio.TimeoutError) as error:
                if time.monotonic() >= until:
                    raise UpstreamError from error
            await asyncio.sleep(next(pauses))

    async def _attempt(self) -> _Connection:
        opened = asyncio.open_connection(*self.address)
        connection = _Connection(*await asyncio.wait_for(opened, _CONNECT_SECONDS))
        _notice_when_gone(connection.writer.get_extra_info("socket"))
        return connection


def _notice_when_gone(connection: socket.socket) -> None:
    """Have the kernel ask while nothing is heard (tcp(7)), and give up what is not acknowledged."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _GONE_SECONDS // 2),
        ("TCP_KEEPINTVL", _GONE_SECONDS // 4),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", _GONE_SECONDS * 1000),
    ):
        if hasattr(socket, name):  # not everywhere
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
