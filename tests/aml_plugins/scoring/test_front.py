"""The front as a process of its own: shares, keys, signed routes, draining."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import urllib3

from aml_plugins.scoring.front.control import SIGNATURE, signature
from aml_plugins.scoring.front.upstream import Upstream
from aml_plugins.testing.waiting import wait_until

SECRET = "between us"
PATIENCE = 60


class _Version(BaseHTTPRequestHandler):
    """Answers with its name, and with what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.dumps(
            {
                "version": self.server.name,  # type: ignore[attr-defined]
                "body": self.rfile.read(length).decode(),
                "authorization": self.headers.get("Authorization"),
                "path": self.path,
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def version() -> Iterator[Callable[[str], dict[str, Any]]]:
    servers = []

    def start(name: str) -> dict[str, Any]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Version)
        server.name = name  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return {"key": name, "host": "127.0.0.1", "port": server.server_address[1]}

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Front:
    def __init__(self, directory: Path, port: int, control: int) -> None:
        self.directory, self.url, self.control = directory, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{control}"

    def post(self, path: str = "/score", body: str = "x", **headers: str) -> Any:
        return urllib3.request("POST", self.url + path, body=body, headers=headers, retries=False, timeout=PATIENCE)

    def state(self) -> dict[str, Any]:
        return json.loads(urllib3.request("GET", f"{self.control}/state", retries=False, timeout=PATIENCE).data)

    def send(self, message: dict[str, Any], secret: str = SECRET) -> int:
        body = json.dumps(message).encode()
        signed = {SIGNATURE: signature(secret.encode(), body)}
        return urllib3.request(
            "POST", f"{self.control}/routes", body=body, headers=signed, retries=False, timeout=PATIENCE
        ).status


@pytest.fixture
def start_front(tmp_path: Path) -> Iterator[Callable[..., Front]]:
    processes = []

    def start(**variables: str) -> Front:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            ports = [one.getsockname()[1], two.getsockname()[1]]
        options = ["--control_port", str(ports[1]), "--draining_file", str(tmp_path / "draining")]
        command = [sys.executable, "-m", "aml_plugins.scoring.front", str(tmp_path), str(ports[0]), *options]
        processes.append(subprocess.Popen(command, env={**os.environ, **variables}))
        front = Front(tmp_path, *ports)
        wait_until(lambda: answers(front), what="the front answers")
        return front

    yield start
    for process in processes:
        process.terminate()
        process.wait()


def answers(front: Front) -> bool:
    with suppress(urllib3.exceptions.HTTPError):
        front.state()
        return True
    return False


def follows(front: Front, version: int) -> bool:
    return wait_until(lambda: front.state()["version"] == version)


def write(front: Front, **content: Any) -> None:
    (front.directory / "routes.partial").write_text(json.dumps(content))
    (front.directory / "routes.partial").replace(front.directory / "routes.json")


def test_it_is_ready_once_it_has_routes_and_keeps_shares(start_front, version):
    front = start_front()
    assert urllib3.request("GET", f"{front.control}/ready", retries=False).status == 503
    assert front.post().status == 503
    write(front, version=1, routes=[{**version("a"), "weight": 75}, {**version("b"), "weight": 25}], keys=None)
    assert follows(front, 1)
    assert urllib3.request("GET", f"{front.control}/ready", retries=False).status == 200
    counts = Counter(json.loads(front.post().data)["version"] for _ in range(100))
    assert counts == {"a": 75, "b": 25}


def test_requests_pass_as_they_are(start_front, version):
    front = start_front()
    write(front, version=1, routes=[{**version("a"), "weight": 100}])
    assert follows(front, 1)
    told = json.loads(front.post("/score?a=%20b", "héllo", Authorization="Bearer mine").data)
    assert told == {"version": "a", "body": "héllo", "authorization": "Bearer mine", "path": "/score?a=%20b"}


def test_a_version_that_is_away_is_told_as_502(start_front):
    front = start_front()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    write(front, version=1, routes=[{"key": "a", "host": "127.0.0.1", "port": port, "weight": 100}])
    assert follows(front, 1)
    assert front.post().status == 502


def test_a_version_is_busy_as_long_as_its_requests_wherever_it_answered_when_they_came(start_front, version):
    front = start_front()
    with socket.create_server(("127.0.0.1", 0)) as slow:
        write(
            front, version=1, routes=[{"key": "a", "host": "127.0.0.1", "port": slow.getsockname()[1], "weight": 100}]
        )
        assert follows(front, 1)
        caller = Thread(target=front.post)
        caller.start()
        asked, _ = slow.accept()
        write(front, version=2, routes=[{**version("a"), "weight": 100}])
        assert follows(front, 2)
        write(front, version=3, routes=[{**version("b"), "weight": 100}])
        assert follows(front, 3)
        assert front.state()["busy"] == ["a"]
        asked.close()
        caller.join()
    assert front.state()["busy"] == []


def test_a_request_waits_for_a_version_that_is_ready_and_refuses_yet():
    """As one does whose nodes have not heard of it: the request comes first, and the version a while later."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def answered() -> tuple[int, bytes]:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            host, port = found.getsockname()
        asked = asyncio.create_task(Upstream(host, port).ask(b"GET / HTTP/1.1\r\n\r\n", b"", method="GET"))
        await asyncio.sleep(2)
        async with await asyncio.start_server(lambda _, writer: writer.write(answer), host, port):
            status, _, body = await asked
        return status, body

    assert asyncio.run(answered()) == (200, b"ok")


def test_routes_are_taken_signed_and_in_order_and_outlive_the_process(start_front, version):
    front = start_front(AML_FRONT_SECRET=SECRET)
    routes = [{**version("a"), "weight": 100}]
    assert front.send({"version": 1, "routes": routes}, secret="another") == 403
    assert front.send({"version": 2, "routes": routes}) == 409
    assert front.send({"version": 1, "routes": routes, "keys": None}) == 200
    assert front.send({"version": 1, "routes": []}) == 409
    assert json.loads(front.post().data)["version"] == "a"
    again = start_front(AML_FRONT_SECRET=SECRET)
    assert again.state()["version"] == 1
    assert json.loads(again.post().data)["version"] == "a"


def test_keys_are_changed_alone_and_versions_get_one_of_their_own(start_front, version):
    front = start_front(AML_FRONT_SECRET=SECRET)
    digest = hashlib.sha256(b"open sesame").hexdigest()
    assert front.send({"version": 1, "routes": [{**version("a"), "weight": 100}], "keys": [digest]}) == 200
    assert [front.post().status, front.post(Authorization="Bearer wrong").status] == [401, 401]
    answer = front.post(Authorization="Bearer open sesame")
    assert answer.status == 200
    assert json.loads(answer.data)["authorization"] not in {None, "Bearer open sesame"}
    assert front.send({"version": 2, "keys": [hashlib.sha256(b"new").hexdigest()]}) == 200
    assert front.post(Authorization="Bearer open sesame").status == 401
    assert front.post(Authorization="Bearer new").status == 200


def test_without_a_secret_routes_come_as_a_file_only(start_front):
    front = start_front()
    assert front.send({"version": 1, "routes": []}) == 404


def test_callers_are_asked_to_connect_anew_when_it_is_to_end(start_front, version):
    front = start_front()
    write(front, version=1, routes=[{**version("a"), "weight": 100}])
    assert follows(front, 1)
    assert "connection" not in front.post().headers
    (front.directory / "draining").touch()
    wait_until(lambda: front.post().headers.get("connection") == "close")
