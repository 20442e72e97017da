"""How others notice at once that a job has ended whose runner goes on living.

The runner holds both ends of a pipe while it has a job, the one to read from under a number that others know, too. They
open it by way of ``/proc``, and it hangs up when the runner closes the other end, or dies. A runner that ends with its
job has no such pipe: there, the process is what to watch.
"""

from __future__ import annotations

import os
import stat

__all__ = ["announce", "is_over", "watched"]

_NUMBER = 60  # no lower one is free in every runner; from 64 on, the kernel needs a larger table


def announce() -> int:
    """Make the pipe; return what :func:`is_over` takes. Call it before the lock is signed."""
    read, write = os.pipe()
    os.dup2(read, _NUMBER, inheritable=False)
    os.close(read)
    return write


def is_over(write: int) -> None:
    """Wake those who watch. Call it after the signature was erased: who reads that finds no other job's pipe."""
    os.close(_NUMBER)
    os.close(write)


def watched(pid: int) -> int | None:
    """Return a descriptor that hangs up when the job that a runner has now is over; None where it has no pipe."""
    try:
        descriptor = os.open(f"/proc/{pid}/fd/{_NUMBER}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)  # of another process, which has the id of a dead runner
    return None
