"""The end of a job that somebody asked for: of its processes, of its directory."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time

from aml_plugins.runs.runner import burial, claiming
from aml_plugins.runs.runner.processes import signal, signal_identified
from aml_plugins.runs.runner.status import TERMINAL, Status, read_status

__all__ = ["ask_to_end", "close_unstarted", "delete", "end", "has_ended"]

END_SECONDS = 1.0


def has_ended(path: str) -> bool:
    """Say whether the runner said its last word."""
    said = read_status(path)
    return said is not None and said.get("state") in TERMINAL


def ask_to_end(path: str) -> None:
    """Have a job's runner end its script; where none took the job, none ever will."""
    _touch(os.path.join(path, claiming.CANCEL))
    if not close_unstarted(path, "cancelled", "Canceled before the runner started."):
        _signal_runner(path, signal.SIGTERM)


def end(path: str) -> bool:
    """Kill a job that has not ended, and all that it started; return False where that takes longer."""
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


def delete(path: str) -> None:
    """Delete a directory; scripts leave some behind that may not be written to. Missing is fine."""
    for parent, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            os.chmod(parent, stat.S_IRWXU)
            for name in os.listdir(parent):  # os.walk looks into them next
                inside = os.path.join(parent, name)
                if os.path.isdir(inside) and not os.path.islink(inside):
                    os.chmod(inside, stat.S_IRWXU)
    if os.path.isdir(path):
        shutil.rmtree(path)


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
