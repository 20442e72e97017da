"""Finding and ending processes, so that none of a job survives it."""

from __future__ import annotations

import os

from .reading import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    try:
        import _signal as signal  # the module in C: ``signal`` makes enumerations, which cost milliseconds
    except ImportError:  # another implementation of Python
        import signal

__all__ = [
    "KEY_VARIABLE",
    "adopt_orphans",
    "birth_of",
    "descendants",
    "die_with_parent",
    "kill",
    "own_birth",
    "processes_of_job",
    "signal",
    "signal_identified",
]

KEY_VARIABLE = "AML_JOB_KEY"
PROC = "/proc"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_addresses: list[int] = []
_own_births: dict[int, int] = {}
_PARENT, _GROUP, _BIRTH = 1, 2, 19  # fields of /proc/PID/stat after the state


def adopt_orphans() -> bool:
    """Make every process whose parent dies below this one a child of this one; False where that is not possible."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """Have this process killed when its parent is: for the moment between fork and exec."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> bool:
    """Call the function of that name; after the first time, at once: a forked child has to copy what it touches."""
    try:
        import _ctypes  # noqa: PLC0415  Linux only; ``ctypes`` itself takes ten times as long

        if not _addresses:
            _addresses.append(_ctypes.dlsym(_ctypes.dlopen(None, 2), "prctl"))  # type: ignore[arg-type]  # None: ourselves
        return bool(_ctypes.call_function(_addresses[0], (option, value, 0, 0, 0)) == 0)
    except (ImportError, AttributeError, OSError, TypeError):
        return False


def birth_of(pid: int) -> int:
    """Return when a process started, in ticks since boot: with the id, its identity. 0 where nobody knows."""
    fields = _stat(pid)
    return int(fields[_BIRTH]) if fields else 0


def own_birth() -> int:
    """Return when this process started; asks once, and again after a fork."""
    pid = os.getpid()
    if pid not in _own_births:
        _own_births.clear()
        _own_births[pid] = birth_of(pid)
    return _own_births[pid]


def signal_identified(pid: int, birth: int, number: int) -> bool:
    """Signal a process unless its id belongs to another by now; return whether it was there."""
    if birth_of(pid) != birth:
        return False
    return kill(pid, number)


def kill(pid: int, number: int) -> bool:
    """Signal a process that may be gone; return whether it was there."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def descendants(key: str, *, orphans_adopted: bool) -> list[int]:
    """Return the living processes of this job below this process, all that could be found.

    :param key: the job's; a process that carries another job's is left out with everything below it.
    :param orphans_adopted: without that, orphans are recognised by the key in their environment.
    """
    children: dict[int, list[int]] = {}
    found = []
    for pid, fields in _all_processes():
        children.setdefault(int(fields[_PARENT]), []).append(pid)
        if not orphans_adopted and pid != os.getpid() and _key_of(pid) == key:
            found.append(pid)
    _collect(os.getpid(), key, children, found)
    return found


def _collect(parent: int, key: str, children: dict[int, list[int]], found: list[int]) -> None:
    for pid in children.get(parent, ()):
        if pid not in found and _key_of(pid) in {key, None}:
            found.append(pid)
            _collect(pid, key, children, found)


def processes_of_job(key: str, group: int | None = None, birth: int | None = None) -> list[int]:
    """Return what is left of a job whose runner died: by the key in the environment and by process group.

    :param group: the script's process id, which is its process group's; ``birth`` says whether it still is.
    """
    recycled = group is None or birth_of(group) not in {0, birth}
    return [
        pid
        for pid, fields in _all_processes()
        if pid != os.getpid() and (_key_of(pid) == key or (not recycled and int(fields[_GROUP]) == group))
    ]


def _all_processes() -> list[tuple[int, list[bytes]]]:
    """Return process ids with their ``stat``; zombies are left out: they only wait to be counted."""
    try:
        pids = [int(name) for name in os.listdir(PROC) if name.isdigit()]
    except OSError:
        return []
    known = [(pid, _stat(pid)) for pid in pids]
    return [(pid, fields) for pid, fields in known if fields and fields[0] not in {b"Z", b"X"}]


def _stat(pid: int) -> list[bytes]:
    """Return the fields of ``stat`` from the state on: the name before it may hold spaces and parentheses."""
    return _read(pid, "stat").rpartition(b") ")[2].split()


def _key_of(pid: int) -> str | None:
    """Return the job key in a process's environment, as it was when its program started."""
    prefix = KEY_VARIABLE.encode() + b"="
    for entry in _read(pid, "environ").split(b"\0"):
        if entry.startswith(prefix):
            return os.fsdecode(entry[len(prefix) :])
    return None


def _read(pid: int, name: str) -> bytes:
    try:
        return read_file(f"{PROC}/{pid}/{name}")
    except OSError:  # gone, or somebody else's
        return b""
