"""What brings a job's files, runs it beside itself and sends its results, against a server that keeps what it gets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.compute.courier import courier_command
from aml_plugins.testing.jobs import wait_until

PATIENCE = 300.0
SENT = ("results.tar", "std_log.txt", "status.json")


class Blobs(ThreadingHTTPServer):
    """Keeps what is put. The results are not accepted before the log is there: who sends one by one waits for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept: dict[str, bytes] = {}
        self.log_is_there = threading.Event()
        self.kept_with_the_status: set[str] = set()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}?"


class Handler(BaseHTTPRequestHandler):
    server: Blobs

    def do_PUT(self) -> None:
        name = self.path[1:].partition("?")[0]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if name == "results.tar":
            assert self.server.log_is_there.wait(PATIENCE)
        if name == "status.json":
            self.server.kept_with_the_status = set(self.server.kept)
        self.server.kept[name] = body
        if name == "std_log.txt":
            self.server.log_is_there.set()
        self.send_response(201)
        self.end_headers()

    def do_GET(self) -> None:
        body = self.server.kept.get(self.path[1:].partition("?")[0])
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Blobs]:
    with Blobs() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def start(directory: Path, orders: dict[str, Any]) -> subprocess.Popen[str]:
    command = courier_command(sys.executable, "runner.pyz", ".")
    variables = {**os.environ, "AML_COURIER": json.dumps(orders)}
    return subprocess.Popen(
        command, cwd=directory, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_files_come_and_results_go_at_a_time_and_the_status_goes_last(
    prepare: Callable[..., Path], server: Blobs, tmp_path: Path
) -> None:
    directory = prepare("import sys; print('hello', sys.stdin.read() == '')")
    for name in ("job.json", "snapshot.zip"):
        server.kept[name] = (directory / name).read_bytes()
        (directory / name).unlink()
    orders = {
        "fetch": {name: server.url(name) for name in ("job.json", "runner.pyz", "snapshot.zip")},
        "deliver": {name: server.url(name) for name in SENT},
        "echo": True,
    }
    done = start(directory, orders)
    said, trouble = done.communicate(timeout=PATIENCE)
    assert (done.returncode, said, trouble) == (0, "hello True\n", "")
    assert {"results.tar", "std_log.txt"} <= server.kept_with_the_status
    assert json.loads(server.kept["status.json"])["state"] == "succeeded"


def test_a_file_that_is_not_there_is_said(prepare: Callable[..., Path], server: Blobs) -> None:
    directory = prepare("")
    (directory / "snapshot.zip").unlink()
    done = start(directory, {"fetch": {"job.json": "unused", "snapshot.zip": server.url("nothing")}})
    assert "cannot be brought or sent: HTTP 404" in done.communicate(timeout=PATIENCE)[1]
    assert done.returncode == 74


def test_a_runner_that_is_killed_takes_nobody_with_it(prepare: Callable[..., Path]) -> None:
    directory = prepare("import time; time.sleep(600)")
    done = start(directory, {})
    wait_until(lambda: status_of(directory).get("script_pid"), PATIENCE)
    status = status_of(directory)
    assert status["pid"] != done.pid
    os.kill(status["pid"], signal.SIGKILL)
    done.communicate(timeout=PATIENCE)
    assert done.returncode == 128 + 9
    assert (status_of(directory)["state"], status_of(directory)["lost"]) == ("failed", True)
    wait_until(lambda: not Path(f"/proc/{status['script_pid']}").exists(), PATIENCE)


def test_who_ends_the_courier_ends_the_script(prepare: Callable[..., Path]) -> None:
    directory = prepare("import time; time.sleep(600)")
    done = start(directory, {})
    wait_until(lambda: status_of(directory).get("script_pid"), PATIENCE)
    done.terminate()
    done.communicate(timeout=PATIENCE)
    assert status_of(directory)["state"] == "cancelled"
    assert (directory / "results.tar").is_file()


def status_of(directory: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((directory / "status.json").read_text())
    except FileNotFoundError:
        return {}
    return found
