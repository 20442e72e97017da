"""A real ``mlflow server`` on our store, with workspaces. Starting one takes 15 to 30 s: test processes share it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from services.loopback import free_port
from services.starting import is_healthy, wait_until_started

__all__ = ["MlflowServer", "clean_environment", "shared_server"]

_STOP_SECONDS = 20


@dataclass(frozen=True)
class MlflowServer:
    """A running server.

    :param url: where it listens.
    :param store_uri: its database, ``aml+sqlite:///…``.
    :param log: what it printed.
    """

    url: str
    store_uri: str
    log: str
    pid: int


def clean_environment(home: Path) -> dict[str, str]:
    """Return an environment for a process of its own: nothing of MLflow's or ours from outside."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "_MLFLOW", "AML_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # MLflow's imports take three times as long with it
    return kept | {"AML_HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true"}


@contextmanager
def shared_server(directory: Path, destination: str | None = None) -> Iterator[MlflowServer]:
    """Start the server of ``directory``, or join it; the last one to leave stops it.

    :param destination: where artifacts go; None for a directory below.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        users = _read(directory / "users") or []
        found = _read(directory / "server") if users else None
        server = MlflowServer(**found) if found else _start(directory, destination or str(directory / "artifacts"))
        (directory / "server").write_text(json.dumps(asdict(server)))
        (directory / "users").write_text(json.dumps([*users, os.getpid()]))
    try:
        yield server
    finally:
        with _locked(directory):
            left = [pid for pid in _read(directory / "users") or [] if pid != os.getpid()]
            (directory / "users").write_text(json.dumps(left))
            if not any(Path(f"/proc/{pid}").exists() for pid in left):
                _stop(server.pid)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> object:
    return json.loads(path.read_text()) if path.exists() else None


def _start(directory: Path, destination: str) -> MlflowServer:
    port, log = free_port(), directory / "server.log"
    store_uri = f"aml+sqlite:///{directory}/aml.db"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store_uri, "--enable-workspaces"]
    command += ["--artifacts-destination", destination, "--workers", "1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            env=clean_environment(directory / "home"),
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_started("mlflow server", process, log, lambda: is_healthy(url))
    except BaseException:
        _stop(process.pid)
        raise
    return MlflowServer(url=url, store_uri=store_uri, log=str(log), pid=process.pid)


def _stop(leader: int) -> None:
    """End the server and its workers; it may be another test process's child."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_SECONDS
        while _signalled(leader, number):
            if time.monotonic() > deadline:
                break
            number = 0  # noqa: PLW2901  signalled once, then watched
            time.sleep(0.05)
        else:
            return


def _signalled(leader: int, number: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(leader, os.WNOHANG)
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    return True
