"""Who may run the job, and who buries it: ``lock``, ``started``, ``cancel``."""

from __future__ import annotations

import fcntl
import os

from .processes import own_birth
from .reading import read_file

__all__ = [
    "CANCEL",
    "LOCK",
    "claim",
    "is_started",
    "lock_holder",
    "release",
    "script_of",
    "sign",
    "sign_off",
    "take_lock",
]

LOCK = "lock"
STARTED = "started"
CANCEL = "cancel"


def take_lock(directory: str) -> int | None:
    """Return the descriptor that holds the lock, None where another process does. Death releases it."""
    descriptor = os.open(os.path.join(directory, LOCK), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def sign(descriptor: int, script: tuple[int, int] | None = None) -> None:
    """Write into the lock which process runs the job; only the runner does: others may be signalled for it.

    :param script: process id and birth of the script, once it has started.
    """
    if script is not None:
        os.write(descriptor, b" %d %d" % script)
        return
    os.ftruncate(descriptor, 0)
    os.write(descriptor, b"%d %d" % (os.getpid(), own_birth()))


def sign_off(directory: str, descriptor: int) -> bool:
    """Erase what :func:`sign` wrote; return whether nobody can have read it to signal this process for the job.

    Who signals leaves ``cancel`` before it reads the signature. Here it is the other way round: so where that was read
    in time, this sees the file. In a directory that is gone, or renamed to be deleted, nobody can look for it.
    """
    os.ftruncate(descriptor, 0)
    return not os.path.exists(os.path.join(directory, CANCEL)) and os.path.exists(os.path.join(directory, LOCK))


def release(descriptor: int) -> None:
    """Give the lock back."""
    os.close(descriptor)


def lock_holder(directory: str) -> tuple[int, int] | None:
    """Return process id and birth of the last runner, None where there was none or it is just signing."""
    return _signed(directory, 0)


def script_of(directory: str) -> tuple[int, int] | None:
    """Return process id and birth of the script that the last runner started, None where it started none."""
    return _signed(directory, 2)


def _signed(directory: str, place: int) -> tuple[int, int] | None:
    try:
        pid, birth = read_file(os.path.join(directory, LOCK)).split()[place : place + 2]
        return int(pid), int(birth)
    except (FileNotFoundError, ValueError):
        return None


def claim(directory: str) -> bool:
    """Take the one right to run the job; False where it was taken before. Hold the lock to call it."""
    started = os.path.join(directory, STARTED)
    try:
        os.link(os.path.join(directory, LOCK), started)  # a file that is there: making one is what costs
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        return _made(started)
    return True


def _made(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError:
        return False
    return True


def is_started(directory: str) -> bool:
    """Return whether the right to run the job was taken, whatever came of it."""
    return os.path.exists(os.path.join(directory, STARTED))
