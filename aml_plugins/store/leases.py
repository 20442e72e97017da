"""Who drives a run: the names of lease owners, and whether an owner of this host still lives."""

from __future__ import annotations

import functools
import os
import socket
import uuid
from pathlib import Path

__all__ = ["LONGEST_LEASE_SECONDS", "host_prefix", "new_owner", "owner_is_dead"]

LONGEST_LEASE_SECONDS = 600.0
"""No lease is given for longer; who asks for more gets this, and renews.

One that would last longer was written before the clock went back, however far that was: it counts as free, so that
what a dead driver left is not waited for until the clock has caught up. Its holder, should it live, finds its lease
taken and its writes refused, as after any pause.
"""

_PROC = Path("/proc")
_PARTS = 5
# Fields of /proc/PID/stat after the command's closing bracket: the state is the first, the start time the 20th.
_STATE, _START = 0, 19
_GONE = frozenset({"Z", "X"})


def new_owner() -> str:
    """Return a name that no other driver has: ``host/boot-id/pid/process-start-time/uuid``.

    To be made after ``fork``, in the process that is to hold the lease.
    """
    pid = os.getpid()
    _, started = _look_at(pid)
    return f"{host_prefix()}{pid}/{started}/{uuid.uuid4().hex}"


def host_prefix() -> str:
    """Return how the owners begin whose life this process can judge."""
    return f"{socket.gethostname()}/{_boot_id()}/"


def owner_is_dead(owner: str) -> bool:
    """Say whether the process that took this name has ended for certain.

    False for other hosts, for earlier boots, for names of another shape and where there is no ``/proc``.
    """
    parts = owner.split("/")
    if len(parts) != _PARTS or not owner.startswith(host_prefix()) or not _boot_id():
        return False
    pid, started = parts[2], parts[3]
    if not pid.isdecimal() or not started:
        return False
    if not _exists(int(pid)):
        return True
    state, start_now = _look_at(int(pid))
    return state in _GONE or (start_now not in ("", started))


@functools.cache
def _boot_id() -> str:
    """Return this boot's id and the namespace of process ids: containers can share the host's name and boot.

    Neither changes for a process. A child may have another namespace.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""
    return f"{boot}.{namespace.strip('pid:[]')}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_boot_id.cache_clear)


def _exists(pid: int) -> bool:
    # /proc may hide the processes of other users; a signal that is never sent tells them from missing ones.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _look_at(pid: int) -> tuple[str, str]:
    """Return state and start time of a process, empty where they cannot be read."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return "", ""
    fields = stat[stat.rindex(b")") + 2 :].split()
    return fields[_STATE].decode(), fields[_START].decode()
