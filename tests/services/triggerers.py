"""Triggerers of a real Airflow that tests may kill, with the triggers that tests give them."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from services.airflow_installation import Airflow

__all__ = ["Triggerer", "TriggererMaker", "making_triggerers"]

_PROGRAM = Path(__file__).with_name("airflow_triggerer.py")


@dataclass
class TriggererMaker:
    """A process that has imported everything, and makes triggerers."""

    requests: socket.socket

    def make(self, variables: dict[str, str], files: list[int]) -> int:
        """Return the process id of a new one.

        :param files: its input, the place of its answers, its log.
        """
        socket.send_fds(self.requests, [json.dumps(variables).encode()], files)
        return int(self.requests.recv(100))


@contextmanager
def making_triggerers(airflow: Airflow, log: Path) -> Iterator[TriggererMaker]:
    """Start a maker, and stop it at the end, with what it made."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, its, log.open("ab") as file:
        process = _start(airflow, its.fileno(), stdin=subprocess.DEVNULL, log=file)
        its.close()
        try:
            yield TriggererMaker(ours)
        finally:
            process.kill()
            process.wait()


@dataclass
class Triggerer:
    """A process that runs triggers; see ``airflow_triggerer.py``.

    :param log: gets what the process prints: the triggers' logs.
    :param maker: who makes the process; without one it is started.
    """

    airflow: Airflow
    log: Path
    maker: TriggererMaker | None = None
    _process: int | None = None  # a file descriptor, see pidfd_open(2)
    _started: subprocess.Popen[bytes] | None = None
    _requests: IO[str] | None = None
    _replies: IO[str] | None = None

    def start(self) -> None:
        """Start the process, with the ``AML_`` variables of this one."""
        ours = {name: value for name, value in os.environ.items() if name.startswith(("AML_", "AIRFLOW_CONN_"))}
        (its_input, requests), (replies, its_replies) = os.pipe(), os.pipe()
        with self.log.open("ab") as log:
            if self.maker is not None:
                pid = self.maker.make(ours, [its_input, its_replies, log.fileno()])
            else:
                self._started = _start(self.airflow, its_replies, stdin=its_input, log=log, **ours)
                pid = self._started.pid
        os.close(its_input)
        os.close(its_replies)
        self._process = os.pidfd_open(pid)
        self._requests, self._replies = os.fdopen(requests, "w"), os.fdopen(replies)

    def tell(self, **request: Any) -> None:
        """Have something done without waiting for it."""
        assert self._requests is not None
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()

    def hear(self) -> dict[str, Any]:
        """Wait for the next thing that it says."""
        assert self._replies is not None
        line = self._replies.readline()
        assert line, self.log.read_text()[-4000:]
        return dict(json.loads(line))

    def hear_until(self, key: str) -> list[dict[str, Any]]:
        """Wait for a thing of this kind; return all that was said until then."""
        heard = [self.hear()]
        while key not in heard[-1]:
            heard.append(self.hear())
        return heard

    def stop(self) -> None:
        """End the process, however it is."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):  # it may have ended by itself
            signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [])
        os.close(process)
        if self._started is not None:
            self._started.wait()
        assert self._requests is not None
        assert self._replies is not None
        self._requests.close()
        self._replies.close()


def _start(airflow: Airflow, answers: int, *, stdin: int, log: IO[bytes], **variables: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", str(_PROGRAM), str(answers)]
    environment = airflow.environment | variables
    return subprocess.Popen(command, stdin=stdin, stdout=log, stderr=log, pass_fds=[answers], env=environment)
