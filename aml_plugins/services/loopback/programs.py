"""Programs that outlive who started them: found again by a lock that they hold for their life."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from aml_plugins.errors import OperationFailedError

__all__ = ["Program"]

_TICK_SECONDS = 0.02
_GRACE_SECONDS = 10.0
_PID_SECONDS = 5.0


class Program:
    """A program with a lock and a log of its own.

    Whoever starts it passes on an open, locked file; the lock is free again when, and only when, the program has ended.
    Two that start it at the same moment start it once.

    :param place: path of its files, without suffix: ``.lock``, ``.log``, ``.pid``.
    """

    def __init__(self, place: Path) -> None:
        self._lock = place.with_name(f"{place.name}.lock")
        self._pid = place.with_name(f"{place.name}.pid")
        self.log = place.with_name(f"{place.name}.log")

    def start(self, command: Sequence[str], variables: Mapping[str, str], directory: Path) -> bool:
        """Start it unless it runs; say whether this call did."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _take(descriptor):
                return False
            self._pid.unlink(missing_ok=True)
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    command,
                    cwd=directory,
                    env=dict(variables),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=[descriptor],
                )
            self._pid.write_text(json.dumps({"pid": process.pid}))
        except OSError as error:
            raise OperationFailedError(
                f"'{command[0]}' cannot be started: {error.strerror}.", "See: aml service logs"
            ) from error
        finally:
            os.close(descriptor)  # the program's own copy keeps the lock
        return True

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _take(descriptor)
        finally:
            os.close(descriptor)

    def stop(self, grace: float = _GRACE_SECONDS) -> None:
        """End it and its process group; one that does not run is fine."""
        pid = self._number()
        number, deadline = signal.SIGTERM, time.monotonic() + grace
        if pid is not None and self.is_alive:
            os.kill(pid, number)
        while self.is_alive:
            if pid is None:
                pid = self._number()
            elif time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            time.sleep(_TICK_SECONDS)
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            _reap(pid)

    def tail(self, lines: int) -> str:
        """Return the last lines of its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 500 * lines))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _number(self) -> int | None:
        """Return the process id; who was killed between starting and writing it down is made up for by the lock."""
        deadline = time.monotonic() + _PID_SECONDS
        while time.monotonic() < deadline:
            with suppress(OSError, ValueError, KeyError):
                return int(json.loads(self._pid.read_text())["pid"])
            holder = _holder_of(self._lock)
            if holder is not None:
                return holder
            if not self.is_alive:
                return None
            time.sleep(_TICK_SECONDS)
        return None


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder_of(lock: Path) -> int | None:
    """Return the leader of the session that has the file open, looked up in /proc."""
    try:
        wanted = lock.stat()
    except OSError:
        return None
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for link in (folder / "fd").iterdir():
                status = link.stat()
                if (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino) and int(folder.name) != os.getpid():
                    return os.getsid(int(folder.name))
    return None


def _reap(pid: int) -> None:
    """Take note of the end of a child of ours; others' children are none of our business."""
    with suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
