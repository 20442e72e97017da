"""How often the kernel has ended a process because the container had no memory left.

Sources: the Linux kernel's ``cgroup-v2.rst`` (``memory.events``) and ``memory.rst`` of version 1. The first file is
there only where the job's control group is the root that it sees, as in a container; the kernel counts before it kills.
"""

from __future__ import annotations

from .reading import read_file

__all__ = ["kills_by_memory"]

_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def kills_by_memory() -> int:
    """Return the count, 0 where the kernel does not tell."""
    for path in _COUNTERS:
        try:
            for line in read_file(path).splitlines():
                name, _, count = line.partition(b" ")
                if name == b"oom_kill":
                    return int(count)
        except (OSError, ValueError):
            continue
    return 0
