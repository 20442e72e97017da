"""An HDInsight cluster's door: a gateway that wants user and password, and Livy's answers as they are with YARN.

Livy of the tests works with a local master, for which it knows no application; this gateway writes into each batch
what a Livy on YARN would say of one (``appId``, ``appInfo.sparkUiUrl``), and passes on everything else as it is.
"""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from services.livy import LivyServer

__all__ = ["LivyGateway", "running_livy_gateway"]


class LivyGateway(ThreadingHTTPServer):
    """Passes requests on to a Livy server whose address has the path ``/livy`` here."""

    user, password = "admin", "only-for-the-tests"
    daemon_threads = True

    def __init__(self, livy: LivyServer) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.livy = urlsplit(livy.url).netloc
        self.url = f"http://127.0.0.1:{self.server_port}/livy"

    def is_known(self, authorization: str | None) -> bool:
        wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return authorization == f"Basic {wanted}"

    @staticmethod
    def application(batch: int) -> str:
        """Return the id that a batch's application has."""
        return f"application_1700000000000_{batch:04}"

    @classmethod
    def page(cls, batch: int) -> str:
        """Return the page of a batch's application, as YARN's proxy has it."""
        return f"http://headnode:8088/proxy/{cls.application(batch)}/"


class _Passing(BaseHTTPRequestHandler):
    server: LivyGateway

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not self.server.is_known(self.headers.get("authorization")):
            self._answer(401, "text/html", b"<html>Unauthorized</html>")
            return
        headers = {name: self.headers[name] for name in ("content-type", "x-requested-by") if self.headers[name]}
        inner = http.client.HTTPConnection(self.server.livy, timeout=120)
        try:
            inner.request(self.command, self.path.removeprefix("/livy"), body, headers)
            answer = inner.getresponse()
        except (OSError, http.client.HTTPException):  # Livy is away, or ended while it was asked
            self._answer(502, "text/html", b"<html>Bad Gateway</html>")
            return
        content, kind = answer.read(), answer.headers.get("content-type", "")
        inner.close()
        if "json" in kind:
            content = json.dumps(_as_on_yarn(json.loads(content))).encode()
        self._answer(answer.status, kind, content)

    do_POST = do_DELETE = do_GET  # noqa: N815

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _as_on_yarn(said: Any) -> Any:
    """Say which application a batch is, once it runs; a list has batches under ``sessions``."""
    if isinstance(said, dict) and said.get("state") == "running" and not said.get("appId"):
        page = LivyGateway.page(said["id"])
        return {**said, "appId": LivyGateway.application(said["id"]), "appInfo": {"sparkUiUrl": page}}
    if isinstance(said, dict) and "sessions" in said:
        return {**said, "sessions": [_as_on_yarn(batch) for batch in said["sessions"]]}
    return said


@contextmanager
def running_livy_gateway(livy: LivyServer) -> Iterator[LivyGateway]:
    """Listen on loopback for as long as this lasts."""
    with LivyGateway(livy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
