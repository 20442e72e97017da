"""Wait for a server that was started, and say in its own words why it did not start."""

from __future__ import annotations

import http.client
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aml_plugins.testing.waiting import wait_until

__all__ = ["is_healthy", "is_listening", "wait_until_started"]

START_SECONDS = 180


def wait_until_started(name: str, process: subprocess.Popen[bytes], log: Path, answers: Callable[[], object]) -> None:
    """Return once ``answers`` is true and raises nothing of the network.

    :param log: what the process prints.
    :raises RuntimeError: with the log's end, where the process ended or was silent for too long.
    """

    def look() -> bool:
        if process.poll() is not None:
            raise _not_started(name, log)
        with suppress(OSError, http.client.HTTPException):
            return bool(answers())
        return False

    try:
        wait_until(look, START_SECONDS)
    except TimeoutError:
        raise _not_started(name, log) from None


def is_healthy(url: str) -> bool:
    """Ask MLflow's server, or ours, how it is."""
    with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
        return bool(answer.status == 200)


def is_listening(port: int) -> bool:
    """Say whether somebody takes connections."""
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    return True


def _not_started(name: str, log: Path) -> RuntimeError:
    said = log.read_text(errors="replace")[-5000:] if log.exists() else "it said nothing"
    return RuntimeError(f"{name} did not start:\n{said}")
