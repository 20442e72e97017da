"""Connections to one deployment, kept open and used again."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import httptools

__all__ = ["Upstream", "UpstreamError"]

_IDLE_SECONDS = 3.0  # less than the scoring server waits before it closes an idle connection
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


class Upstream:
    """A deployment's port.

    :param in_flight: requests under way.
    """

    def __init__(self, port: int, in_flight: int = 0) -> None:
        self.port = port
        self.in_flight = in_flight
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, head: bytes, body: bytes, *, method: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Send a request and return the whole answer.

        A kept connection that turns out to be closed before anything came back is replaced once.
        """
        reader, writer, is_fresh = await self._connection()
        try:
            return await self._exchange(reader, writer, head + body, is_head=method == "HEAD")
        except (OSError, EOFError) as error:
            if is_fresh:
                raise UpstreamError from error
        reader, writer = await self._connect()
        try:
            return await self._exchange(reader, writer, head + body, is_head=method == "HEAD")
        except (OSError, EOFError) as error:
            raise UpstreamError from error

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop()[2].close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, *, is_head: bool
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        answer = _Answer(is_head=is_head)
        try:
            writer.write(request)
            await writer.drain()
            while not answer.is_complete:
                answer.parser.feed_data(await _some(reader))
        except httptools.HttpParserError as error:
            writer.close()
            raise UpstreamError from error
        except BaseException:
            writer.close()
            raise
        if answer.keeps_open:
            self._idle.append((time.monotonic(), reader, writer))
        else:
            writer.close()
        return answer.parser.get_status_code(), answer.headers, b"".join(answer.body)

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bool]:
        while self._idle:
            since, reader, writer = self._idle.pop()
            if time.monotonic() - since < _IDLE_SECONDS and not reader.at_eof():
                return reader, writer, False
            with suppress(OSError):
                writer.close()
        return (*await self._connect(), True)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            raise UpstreamError from error
