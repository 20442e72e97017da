"""Why a script ended, in words."""

from __future__ import annotations

import os

__all__ = ["reason_of"]

_HINTS = {
    "SIGKILL": ", often out of memory",
    "SIGSEGV": ", a crash in native code",
    "SIGABRT": ", a crash in native code",
    "SIGBUS": ", a crash in native code, or a full disk behind a memory map",
    "SIGXFSZ": ", a file grew beyond its limit",
}
_KILLED = -9
_OUT_OF_MEMORY = "ran out of memory: ask for more with the run's resources, or for less in the script."
_ALMOST_NOTHING = 64 * 1024


def reason_of(exit_code: int, directory: str, *, is_out_of_memory: bool = False) -> str | None:
    """Return one sentence about an exit code, None for success.

    :param is_out_of_memory: whether the kernel killed a process of the container for want of memory meanwhile.
    """
    if exit_code == 0:
        return None
    if is_out_of_memory:
        what = (
            "The container" if exit_code == _KILLED else f"The script ended with exit code {exit_code}: its container"
        )
        return f"{what} {_OUT_OF_MEMORY}"
    if exit_code < 0:
        return f"The script was killed by {_signal_name(-exit_code)}."
    full = " The disk of the compute target is full." if _is_full(directory) else ""
    return f"The script ended with exit code {exit_code}.{full}"


def _signal_name(number: int) -> str:
    import signal  # noqa: PLC0415  costs milliseconds: only where a signal is to be named

    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"signal {number} ({name}){_HINTS.get(name, '')}"


def _is_full(directory: str) -> bool:
    try:
        disk = os.statvfs(directory)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _ALMOST_NOTHING
