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
_ALMOST_NOTHING = 64 * 1024


def reason_of(exit_code: int, directory: str) -> str | None:
    """Return one sentence about an exit code, None for success."""
    if exit_code == 0:
        return None
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
