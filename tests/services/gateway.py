"""What stands before a service, and answers in its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Gateway", "running_gateway"]


class Gateway(ThreadingHTTPServer):
    """Answers every request with what the test wants, and keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answer: tuple[int, dict[str, str], str] = (200, {}, "{}")
        self.asked: list[tuple[str, str, dict[str, str]]] = []


class _Answering(BaseHTTPRequestHandler):
    server: Gateway

    def do_GET(self) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {"content-length": str(len(body.encode())), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    """Listen on loopback for as long as this lasts."""
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
