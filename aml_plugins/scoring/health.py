"""Probes on a port of their own: they are answered by the supervisor, however busy the workers are."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Mapping

from .metrics import exposition

__all__ = ["HealthServer"]


class HealthServer(ThreadingHTTPServer):
    """``/`` says that the server lives, ``/ready`` that it can answer, ``/metrics`` what it did."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, is_ready: Callable[[], bool], variables: Mapping[str, str]) -> None:
        super().__init__(listener.getsockname()[:2], _Probe, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.is_ready = is_ready
        self.metrics_directory = variables.get("PROMETHEUS_MULTIPROC_DIR")

    def start(self) -> None:
        """Answer in the background."""
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Probe(BaseHTTPRequestHandler):
    timeout = 5
    server_version = "aml-scoring-health"
    sys_version = ""
    server: HealthServer

    def do_GET(self) -> None:  # the standard library's name
        path = self.path.partition("?")[0]
        if path == "/":
            self._answer(200, b"Healthy")
        elif path == "/ready":
            ready = self.server.is_ready()
            self._answer(200 if ready else 503, b"Ready" if ready else b"Not ready")
        elif path == "/metrics" and self.server.metrics_directory:
            kind, text = exposition(self.server.metrics_directory)
            self._answer(200, text, kind)
        else:
            self._answer(404, b"Not found")

    do_HEAD = do_GET  # noqa: N815  the standard library's name

    def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Probes are no news."""
