"""Ports of this machine, and small servers on them that stop with their test."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext

__all__ = ["free_port", "serving"]


_NOT_GIVEN_AWAY = range(20_000, 32_000)
"""Below the ports that a kernel gives to whoever asks for any: nobody gets ours by chance before we use it."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    while True:
        port = random.choice(_NOT_GIVEN_AWAY)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], tls: SSLContext | None = None) -> Iterator[ThreadingHTTPServer]:
    """Serve on a free port, each request in a thread of its own; an open connection does not keep the server alive."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.block_on_close = False
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
