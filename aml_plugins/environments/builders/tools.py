"""Run a build's programs: their output into the log as it comes, their end on request."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections import deque
from typing import TYPE_CHECKING

from .errors import BuildError
from .redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .owner import Owner

__all__ = ["Tools"]

_TICK_SECONDS = 0.2
_GRACE_SECONDS = 5.0
_TAIL_LINES = 10
_LINE_BYTES = 1 << 16
_PR_SET_PDEATHSIG = 1
# The environment around the runner is not the one that is built.
_NOT_INHERITED = (
    "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL",
    "PIP_PREFIX", "PIP_TARGET", "PIP_USER", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "UV_PYTHON",
)  # fmt: skip
_SETTINGS = {
    "PYTHONUNBUFFERED": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "CONDA_ALWAYS_YES": "true",
    "MAMBA_ALWAYS_YES": "true",
}


class Tools:
    """Runs programs one after the other.

    :param lock: a descriptor that each program keeps open for its life.
    """

    def __init__(self, owner: Owner, lock: int) -> None:
        self._owner = owner
        self._lock = lock

    def say(self, text: str) -> None:
        """Write a line of our own."""
        self._owner.say(text)

    def run(
        self, name: str, command: Sequence[str], directory: str, variables: Mapping[str, str] | None = None
    ) -> None:
        """Run a program to its end.

        :param variables: beside those of this process.
        :raises BuildError: where it fails, with its last lines.
        :raises BuildStoppedError: where the run was asked to end; then the program is gone, too.
        """
        process = self._start(name, command, directory, variables or {})
        output = _Output(self._owner)
        try:
            self._follow(process, output)
        finally:
            _end(process)
            output.close()
        if process.returncode != 0:
            raise BuildError(f"{name} {_ending(process.returncode)}.{output.tail()}")

    def _start(
        self, name: str, command: Sequence[str], directory: str, variables: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
        try:
            return subprocess.Popen(
                command,
                cwd=directory,
                env={**inherited, **_SETTINGS, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self._lock],
                preexec_fn=_dying_with_parent(),  # noqa: PLW1509  the runner has one thread
            )
        except OSError as error:
            raise BuildError(f"{name} cannot be started: {error.strerror}.") from None

    def _follow(self, process: subprocess.Popen[bytes], output: _Output) -> None:
        assert process.stdout is not None  # noqa: S101  asked for above
        pipe = process.stdout.fileno()
        poll = select.poll()  # not select(): it cannot watch descriptors from 1024 on
        poll.register(pipe, select.POLLIN)
        while True:
            self._owner.check()
            ended = process.poll() is not None  # before looking into the pipe: what it wrote last is there by now
            if poll.poll(0 if ended else _TICK_SECONDS * 1000):
                data = os.read(pipe, _LINE_BYTES)
                output.add(data)
                if data:
                    continue
                process.stdout.close()
                self._wait(process)
                return
            if ended:  # something that it left behind still has the pipe
                return

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """A program that closed its output may have some way to go."""
        while process.poll() is None:
            self._owner.check()
            time.sleep(_TICK_SECONDS / 10)


class _Output:
    """What a program prints: whole lines go to the log, without passwords; the last ones are kept."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._pending = b""
        self._last: deque[str] = deque(maxlen=_TAIL_LINES)

    def add(self, data: bytes) -> None:
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > _LINE_BYTES:
            lines, self._pending = [*lines, self._pending], b""
        for line in lines:
            text = redact(line.decode("utf-8", "replace"))
            self._owner.say(text)
            if text.strip():
                self._last.append(text.rstrip().rpartition("\r")[2])

    def close(self) -> None:
        if self._pending:
            self.add(b"\n")

    def tail(self) -> str:
        return " Its last lines:\n" + "\n".join(self._last) if self._last else " It printed nothing."


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that still runs, with its process group."""
    until = time.monotonic() + _GRACE_SECONDS
    number = signal.SIGTERM
    while process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            process.send_signal(number)
        try:
            process.wait(max(_TICK_SECONDS, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            number = signal.SIGKILL
    if process.stdout is not None:
        process.stdout.close()


def _ending(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _dying_with_parent() -> Callable[[], None] | None:
    """Return what a child has to do to be killed when the runner is; None where the system has no such thing."""
    try:
        import ctypes  # noqa: PLC0415  for builds only

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, AttributeError, OSError):
        return None
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it died before the system was asked
            os._exit(1)

    return ask
