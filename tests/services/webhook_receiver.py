"""A web server that receives what webhooks send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from services.loopback import serving

__all__ = ["Receiver", "running_receiver"]


@dataclass
class Receiver:
    """What arrived, and what to answer: the answers in turn, then 204 for ever."""

    url: str
    answers: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Receive while the block runs."""
    found = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append((dict(self.headers), body))
            answer = found.answers.pop(0) if found.answers else 204
            if answer == 0:
                self.close_connection = True  # no answer at all
                return
            self.send_response(answer)
            if answer in {301, 302, 307}:
                self.send_header("Location", f"{found.url}/elsewhere")
            self.end_headers()

        def do_GET(self):
            found.received.append(({"method": "GET"}, b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Keep the test's output clean."""

    with serving(Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
