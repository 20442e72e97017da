"""The process that keeps the workers alive, answers probes, and ends them in good order."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, Mapping, Sequence

from .health import HealthServer

__all__ = ["BOOT_FAILED", "Listening", "Supervisor"]

BOOT_FAILED = 3
"""The exit code of a worker whose script cannot be loaded or initialized, and then of the server."""

_BACKLOG = 2048
_TICK_SECONDS = 0.5
_STABLE_SECONDS = 10.0
_LONGEST_PAUSE = 10.0
_KILL_GRACE = 5.0


@dataclass(frozen=True)
class Listening:
    """Where to listen and with how many processes.

    :param module: the arguments that make Python start this package.
    """

    host: str
    port: int
    health_port: int | None
    workers: int
    ports_file: str | None
    module: Sequence[str]


class _Worker:
    """One worker process and the two pipes between it and us."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: int, news: int) -> None:
        self.process = process
        self.started = time.monotonic()
        self.ready = False
        self._lifeline = lifeline
        self._news = news

    def look(self) -> int | None:
        """Notice whether it became ready; return its exit code once it ended."""
        if not self.ready:
            with suppress(BlockingIOError):
                self.ready = os.read(self._news, 1) == b"R"
        return self.process.poll()

    def close(self) -> None:
        os.close(self._lifeline)
        os.close(self._news)


class Supervisor:
    """Starts workers and replaces those that die.

    :param variables: the environment of the workers.
    """

    def __init__(self, listening: Listening, variables: Mapping[str, str], drain_seconds: float) -> None:
        self._listening = listening
        self._variables = dict(variables)
        self._metrics = _shared_metrics(listening)
        if self._metrics is not None:
            self._variables["PROMETHEUS_MULTIPROC_DIR"] = self._metrics.name
        self._drain_seconds = drain_seconds
        self._workers: list[_Worker] = []
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._pause = 0.0
        self._start_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether a worker can answer."""
        return not self._stopping.is_set() and any(worker.ready for worker in self._workers)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, self._wake)
        try:
            sockets = self._listen()
        except OSError as error:
            print(f"Cannot listen: {error}", file=sys.stderr)
            return BOOT_FAILED
        try:
            return self._keep_alive(sockets)
        finally:
            self._end_workers()

    def _keep_alive(self, sockets: Mapping[str, socket.socket]) -> int:
        while not self._stopping.is_set():
            code = self._bury()
            if code is not None:
                return code
            while len(self._workers) < self._listening.workers and time.monotonic() >= self._start_at:
                self._workers.append(self._start(sockets["main"]))
            # Worker news come without a signal, so look more often until all are ready.
            waiting = not all(worker.ready for worker in self._workers)
            self._woken.wait(0.02 if waiting else _TICK_SECONDS)
            self._woken.clear()
        return 0

    def _bury(self) -> int | None:
        """Drop workers that ended; return an exit code where nothing good can come of another start."""
        for worker in list(self._workers):
            code = worker.look()
            if code is None:
                continue
            worker.close()
            self._workers.remove(worker)
            if code == BOOT_FAILED and not worker.ready and not self.is_ready:
                return BOOT_FAILED
            self._wait_longer(worker, code)
        return None

    def _wait_longer(self, worker: _Worker, code: int) -> None:
        stable = worker.ready and time.monotonic() - worker.started > _STABLE_SECONDS
        self._pause = 0.0 if stable else min(max(self._pause * 2, 0.1), _LONGEST_PAUSE)
        self._start_at = time.monotonic() + self._pause
        print(f"Worker {worker.process.pid} ended with {code}; starting another.", flush=True)

    def _start(self, listener: socket.socket) -> _Worker:
        lifeline, our_lifeline = os.pipe()
        our_news, news = os.pipe()
        os.set_blocking(our_news, False)
        passed = (listener.fileno(), lifeline, news)
        command = [sys.executable, *self._listening.module, "--worker", *map(str, passed)]
        process = subprocess.Popen(command, env=self._variables, pass_fds=passed)
        os.close(lifeline)
        os.close(news)
        return _Worker(process, our_lifeline, our_news)

    def _listen(self) -> dict[str, socket.socket]:
        sockets = {"main": _bound(self._listening.host, self._listening.port)}
        if self._listening.health_port is not None:
            sockets["health"] = _bound(self._listening.host, self._listening.health_port)
            HealthServer(sockets["health"], lambda: self.is_ready, self._variables).start()
        if self._listening.ports_file:
            ports = {name: found.getsockname()[1] for name, found in sockets.items()}
            _write_whole(self._listening.ports_file, json.dumps({"pid": os.getpid(), **ports}))
        return sockets

    def _end_workers(self) -> None:
        """Let requests under way finish, then end what is left."""
        self._stopping.set()
        for worker in self._workers:
            worker.process.terminate()
        deadline = time.monotonic() + self._drain_seconds + _KILL_GRACE
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.close()
        if self._metrics is not None:
            self._metrics.cleanup()
        if self._listening.ports_file and os.path.exists(self._listening.ports_file):
            os.unlink(self._listening.ports_file)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()
        self._woken.set()

    def _wake(self, *_: Any) -> None:
        self._woken.set()


def _shared_metrics(listening: Listening) -> tempfile.TemporaryDirectory[str] | None:
    """Return where several processes count together; None where nobody counts, or one does alone."""
    if listening.workers == 1 and listening.health_port is None:
        return None
    if importlib.util.find_spec("prometheus_client") is None:
        return None
    return tempfile.TemporaryDirectory(prefix="aml-scoring-metrics-")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    return listener


def _write_whole(path: str, text: str) -> None:
    partial = f"{path}.{os.getpid()}"
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(partial, path)
