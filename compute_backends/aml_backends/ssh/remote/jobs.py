"""Jobs in their directories, looked at from beside them (``aml_plugins/runs/runner/__init__.py`` has the protocol)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import time

from aml_plugins.runs.runner import burial, claiming
from aml_plugins.runs.runner.processes import signal, signal_identified
from aml_plugins.runs.runner.status import TERMINAL, Status, read_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["Jobs", "MissingJobError", "boot_id"]

START_GRACE_SECONDS = 60.0
END_SECONDS = 1.0
CHUNK = 1 << 20
BOOT = "boot"
PLACED = ".placed"
RESERVED = ".reserved"
RESERVED_SECONDS = 60.0
BOOT_ID = "/proc/sys/kernel/random/boot_id"

NEVER_STARTED = "The runner did not start."
REBOOTED = "The machine was restarted while the job was on it."
PENDING = {"state": "submitted"}


class MissingJobError(Exception):
    """There is no such job here."""


class Jobs:
    """All jobs of one compute target on this machine."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._unstarted_since: dict[str, float] = {}

    def path(self, key: str) -> str:
        """Return a job's directory; it need not exist."""
        if not key or key.startswith(".") or "/" in key or "\0" in key:
            raise ValueError("not the name of a job")
        return os.path.join(self.root, key)

    def existing(self, key: str) -> str:
        """Return a job's directory.

        :raises MissingJobError: where there is none.
        """
        path = self.path(key)
        if not os.path.isdir(path):
            raise MissingJobError
        return path

    def keys(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.root) if not name.startswith("."))
        except FileNotFoundError:
            return []

    def active(self) -> int:
        """Return how many jobs have not ended, as far as their runners said, or have a slot and are on their way."""
        said = [read_status(os.path.join(self.root, key)) or PENDING for key in self.keys()]
        return sum(status.get("state") not in TERMINAL for status in said) + len(self._on_their_way())

    def reserve(self, key: str, slots: int) -> bool:
        """Keep a slot for a job that is about to come; False where none is free. Who asks at the same time, waits."""
        self.path(key)
        os.makedirs(self.root, exist_ok=True)
        with self._alone():
            if key not in self._on_their_way():
                if self.active() >= slots:
                    return False
                os.makedirs(os.path.join(self.root, RESERVED), exist_ok=True)  # it goes with the last that came
                _touch(os.path.join(self.root, RESERVED, key))
            return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep or give up slots while nobody else does."""
        lock = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _on_their_way(self) -> list[str]:
        """Return the jobs with a slot that are not here yet; forget those that came, and whose submitter was killed."""
        folder = os.path.join(self.root, RESERVED)
        coming = []
        with contextlib.suppress(FileNotFoundError):
            for key in os.listdir(folder):
                path = os.path.join(folder, key)
                with contextlib.suppress(FileNotFoundError):
                    age = abs(time.time() - os.stat(path).st_mtime)
                    if os.path.isdir(os.path.join(self.root, key)) or age > RESERVED_SECONDS:
                        os.unlink(path)
                    else:
                        coming.append(key)
        return coming

    def unreserve(self, key: str) -> None:
        """Forget that a slot was kept for a job: it counts by itself now, or went elsewhere."""
        self.path(key)
        with contextlib.suppress(OSError), self._alone():
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.root, RESERVED, key))
            os.rmdir(os.path.join(self.root, RESERVED))

    def status(self, key: str) -> dict[str, Any] | None:
        """Return what the runner said last, or what is to be said in its place; None where there is no such job."""
        path = self.path(key)
        try:
            return self._status(path)
        except FileNotFoundError:
            return None

    def _status(self, path: str) -> dict[str, Any] | None:
        said = burial.last_word(path)
        if said is not None and said.get("state") in TERMINAL:
            return dict(said, reason=REBOOTED) if said.get("reason") == burial.STOPPED and rebooted(path) else said
        if not os.path.isdir(path):
            return None
        if said is None and not claiming.is_started(path):
            return self._unstarted(path)
        lock = claiming.take_lock(path)
        if lock is None:
            return said or PENDING
        try:
            if claiming.is_started(path):
                burial.bury(path, REBOOTED if rebooted(path) else burial.REASON)
        finally:
            claiming.release(lock)
        return read_status(path) or PENDING

    def _unstarted(self, path: str) -> dict[str, Any]:
        """Give up on a runner only so that it can never come back."""
        if os.path.exists(os.path.join(path, claiming.CANCEL)):
            close_unstarted(path, "cancelled", "Canceled before the runner started.")
        elif rebooted(path):
            close_unstarted(path, "failed", REBOOTED)
        elif self._unstarted_for(path) > START_GRACE_SECONDS:
            close_unstarted(path, "failed", NEVER_STARTED)
        return read_status(path) or PENDING

    def _unstarted_for(self, path: str) -> float:
        """Count from this process's first look: a file's time and the clock may be hours apart after a jump."""
        now = time.monotonic()
        return now - self._unstarted_since.setdefault(path, now)

    def cancel(self, key: str) -> None:
        path = self.path(key)
        with contextlib.suppress(FileNotFoundError):
            if _has_ended(path):
                return
            _touch(os.path.join(path, claiming.CANCEL))
            if not close_unstarted(path, "cancelled", "Canceled before the runner started."):
                _signal_runner(path, signal.SIGTERM)

    def cleanup(self, key: str) -> bool:
        """End what runs, delete what is there; return False where that takes longer."""
        path = self.path(key)
        if os.path.isdir(path) and not _has_ended(path) and not _end(path):
            return False
        hidden = os.path.join(self.root, ".%s.deleted" % key)
        if os.path.isdir(path):
            _delete(hidden)
            os.rename(path, hidden)
        _delete(hidden)
        return True

    def tail(self, key: str, name: str, offset: int, *, lines: bool) -> tuple[bytes, int]:
        """Return some of a growing file from ``offset`` on, and where to go on."""
        path = os.path.join(self.existing(key), name)
        try:
            with open(path, "rb") as file:
                file.seek(offset)
                data = file.read(CHUNK)
                if lines and b"\n" not in data and len(data) == CHUNK:
                    data += file.readline()
        except FileNotFoundError:
            data = b""
        if lines:
            data = data[: data.rfind(b"\n") + 1]
        return data, offset + len(data)

    def place(self, key: str, host: str | None) -> str | None:
        """Return on which machine a job is to be; with ``host``, decide it where nobody did before."""
        self.path(key)
        path = os.path.join(self.root, PLACED, key)
        if host is not None and not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            part = "%s.%d.part" % (path, os.getpid())
            with open(part, "w", encoding="utf-8") as file:
                file.write(host)
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
            os.unlink(part)
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def unplace(self, key: str) -> None:
        self.path(key)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.root, PLACED, key))
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(self.root, PLACED))


def boot_id() -> str:
    """Return what changes whenever the machine starts; empty where nobody knows."""
    try:
        with open(BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def rebooted(path: str) -> bool:
    """Return whether the machine was started since a job was brought to it."""
    try:
        with open(os.path.join(path, BOOT), encoding="ascii") as file:
            return file.read() != boot_id()
    except OSError:
        return False


def close_unstarted(path: str, state: str, reason: str) -> bool:
    """End a job that no runner took, so that none ever will; False where one did or is about to."""
    lock = claiming.take_lock(path)
    if lock is None:
        return False
    try:
        if not claiming.claim(path):
            return False
        Status(path).finish(state, reason=reason)
        return True
    finally:
        claiming.release(lock)


def _has_ended(path: str) -> bool:
    said = read_status(path)
    return said is not None and said.get("state") in TERMINAL


def _end(path: str) -> bool:
    _touch(os.path.join(path, claiming.CANCEL))
    close_unstarted(path, "cancelled", "Cleaned up before the runner started.")
    until = time.monotonic() + END_SECONDS
    while True:
        _signal_runner(path, signal.SIGKILL)
        if burial.end_remnants(path) and _bury(path):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.02)


def _bury(path: str) -> bool:
    lock = claiming.take_lock(path)
    if lock is None:
        return False
    try:
        burial.bury(path)
    finally:
        claiming.release(lock)
    return True


def _signal_runner(path: str, number: int) -> None:
    lock = claiming.take_lock(path)
    if lock is not None:
        claiming.release(lock)
        return
    holder = claiming.lock_holder(path)
    if holder is not None:
        signal_identified(*holder, number)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))


def _delete(path: str) -> None:
    """Scripts leave directories behind that may not be written to."""
    for parent, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            os.chmod(parent, stat.S_IRWXU)
            for name in os.listdir(parent):  # os.walk looks into them next
                inside = os.path.join(parent, name)
                if os.path.isdir(inside) and not os.path.islink(inside):
                    os.chmod(inside, stat.S_IRWXU)
    if os.path.isdir(path):
        shutil.rmtree(path)
