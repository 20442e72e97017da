"""Starting many runners quickly: a process that has the runner loaded forks one a job."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aml_plugins.compute.detached import start_detached
from aml_plugins.compute.runner_bundle import launcher_command
from aml_plugins.errors import BackendError

__all__ = ["Launcher"]

ANSWER_SECONDS = 10.0
# A job of its own to the runner of the script that we may be part of: it leaves our runners alone when it ends.
_VARIABLES = {"AML_JOB_KEY": "launcher"}


class Launcher:
    """The submitting process's end of ``runs/runner/launcher.py``. Safe to share between threads.

    Never the only way: whoever gets False starts the runner the slow way. Where the launcher died after it had
    started one, two runners meet, and the lock in the job's directory lets one of them run it, as always.

    :param home: where the launcher's log lies.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._asked = 0
        self._pid = os.getpid()
        self._runner: tuple[str, Path] | None = None
        self._socket: socket.socket | None = None

    def get_ready(self, python: str, runner: Path) -> None:
        """Start the launcher now, so that it is there for the first job, too."""
        with self._lock, suppress(OSError, BackendError):  # the job itself meets the same, and says so
            self._connection(python, runner)

    def start(self, python: str, runner: Path, directory: Path, variables: Mapping[str, str]) -> bool:
        """Start a runner for the job in ``directory``; False where that has to be done otherwise.

        The first one has, unless :meth:`get_ready` came before: now a launcher would be a process too many.
        """
        with self._lock:
            self._asked += 1
            if self._asked == 1 and self._socket is None:
                return False
            try:
                connection = self._connection(python, runner)
                request = json.dumps({"directory": str(directory), "variables": {**os.environ, **variables}}).encode()
                connection.sendall(len(request).to_bytes(4, "big") + request)
                if connection.recv(1):
                    return True
            except (OSError, BackendError):
                pass
            self._disconnect()
            self._asked = 0
            return False

    def close(self) -> None:
        """Let the launcher end; what it started goes on."""
        with self._lock:
            self._disconnect()

    def _connection(self, python: str, runner: Path) -> socket.socket:
        """Return the way to a launcher of this process: after a fork, the parent's answers would reach us."""
        if self._socket is None or self._pid != os.getpid() or self._runner != (python, runner):
            self._disconnect()
            self._socket = self._launch(python, runner)
            self._pid, self._runner = os.getpid(), (python, runner)
        return self._socket

    def _launch(self, python: str, runner: Path) -> socket.socket:
        self._home.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        try:
            ours.settimeout(ANSWER_SECONDS)
            command = launcher_command(python, runner, theirs.fileno())
            inherited = (theirs.fileno(),)
            start_detached(command, self._home, _VARIABLES, log_name="launcher.log", inherited=inherited)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
