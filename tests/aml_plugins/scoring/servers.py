"""Both servers, started for a script and asked the same."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from services.loopback import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TOOL = ROOT / "tools" / "azureml-inference-server"
INSTALL = "tools/azureml-inference-server install"
START_SECONDS = 60
STAMP = re.compile(r"^\S+ \S+ \w \[\d+\] ")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Server:
    """A scoring server under test."""

    port: int
    log: Path
    process: object = None
    extra: dict[str, int] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Reply:
        """Send one request; underscores in header names mean hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(method, path, body, named)

    def send(self, method: str, path: str, body: bytes | str | None, headers: Mapping[str, str]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            data = body.encode() if isinstance(body, str) else body
            connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
            if data is not None and "Transfer-Encoding" not in headers:
                connection.putheader("Content-Length", str(len(data)))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(data)
            response = connection.getresponse()
            names = {name.lower(): ", ".join(response.headers.get_all(name)) for name in response.headers}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()

    def printed(self) -> list[str]:
        """Return what the script printed, line by line."""
        lines = [STAMP.sub("", line) for line in self.log.read_text(errors="replace").splitlines()]
        prefix = "azmlinfsrv.print - "
        return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


class Microsoft:
    """Starts Microsoft's server for one script after the other, without importing it anew."""

    def __init__(self, python: Path) -> None:
        self.python = python
        self._process = subprocess.Popen(
            [python, HERE / "microsoft.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # One BLAS thread: a pool of threads does not outlive a fork.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        )

    @contextmanager
    def serving(self, directory: Path, arguments: Sequence[str], variables: Mapping[str, str]) -> Iterator[Server]:
        server = Server(free_port(), directory / "microsoft.log")
        home = directory / "home"
        home.mkdir(exist_ok=True)
        order = {
            "directory": str(directory),
            "arguments": [*arguments, "--port", str(server.port)],
            "variables": {**variables, "HOME": str(home)},
            "log": str(server.log),
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        try:
            _await(server, lambda: _is_alive(pid))
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def ours(
    python: Path | str,
    directory: Path,
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    log: str = "ours.log",
) -> Iterator[Server]:
    """Start our server: nothing of this project is importable but a copy of its folder."""
    island = directory / "island"
    if not island.exists():
        shutil.copytree(
            ROOT / "aml_plugins" / "scoring", island / "aml_scoring", ignore=shutil.ignore_patterns("__pycache__")
        )
    ports = directory / f"{log}.ports"
    command = [str(python), "-m", "aml_scoring", "--host", "127.0.0.1", "--port", "0", "--ports_file", str(ports)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AML_", "AZUREML_", "PYTHON"))}
    given = {
        **kept,
        **variables,
        "PYTHONPATH": os.pathsep.join(filter(None, [variables.get("PYTHONPATH"), str(island)])),
    }
    with (directory / log).open("wb") as output:
        process = subprocess.Popen(
            [*command, *arguments], cwd=directory, env=given, stdout=output, stderr=output, start_new_session=True
        )
    server = Server(0, directory / log, process)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ports.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if ports.exists():
            found = json.loads(ports.read_text())
            server.port, server.extra = found["main"], found
        _await(server, lambda: process.poll() is None)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _await(server: Server, alive: object) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not alive():
            server.port = 0
            return
        with suppress(OSError, http.client.HTTPException):
            if server.port and server.ask("GET", "/").status == 200:
                return
        time.sleep(0.03)
    raise AssertionError(server.log.read_text(errors="replace"))
