"""Jobs in their directories, looked at from beside them (``aml_plugins/runs/runner/__init__.py`` has the protocol)."""

from __future__ import annotations

import contextlib
import os
import time

from aml_plugins.runs.runner import burial, claiming
from aml_plugins.runs.runner.status import TERMINAL, read_status

from .ending import ask_to_end, close_unstarted, delete, end, has_ended
from .reboots import rebooted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Jobs", "MissingJobError"]

START_GRACE_SECONDS = 60.0
CHUNK = 1 << 20

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

    def checked(self, key: str) -> str:
        """Return a key that can name a job."""
        if not key or key.startswith(".") or "/" in key or "\0" in key:
            raise ValueError("not the name of a job")
        return key

    def path(self, key: str) -> str:
        """Return a job's directory; it need not exist."""
        return os.path.join(self.root, self.checked(key))

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

    def running(self) -> int:
        """Return how many jobs have not ended, as far as their runners said."""
        said = [read_status(os.path.join(self.root, key)) or PENDING for key in self.keys()]
        return sum(status.get("state") not in TERMINAL for status in said)

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
            if not has_ended(path):
                ask_to_end(path)

    def cleanup(self, key: str) -> bool:
        """End what runs, delete what is there; return False where that takes longer."""
        path = self.path(key)
        if os.path.isdir(path) and not has_ended(path) and not end(path):
            return False
        hidden = os.path.join(self.root, ".%s.deleted" % key)
        if os.path.isdir(path):
            delete(hidden)
            os.rename(path, hidden)
        delete(hidden)
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
