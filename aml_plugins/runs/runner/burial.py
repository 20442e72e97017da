"""What is left to do for a job whose runner died: end its processes, say that it failed."""

from __future__ import annotations

from .claiming import script_of
from .errors import JobError
from .job import Job
from .processes import kill, processes_of_job, signal
from .status import TERMINAL, Status, read_status

__all__ = ["REASON", "bury", "end_remnants"]

REASON = "The runner of the job was killed, or its machine was restarted."
_ROUNDS = 5


def bury(directory: str, reason: str = REASON, *, lost: bool = True) -> None:
    """Close a job that was started and has no runner. Hold the lock to call it; a job that has ended is left alone.

    ``lost`` says that the machine or the runner failed, not the script.
    """
    known = read_status(directory)
    if known is not None and known.get("state") in TERMINAL:
        return
    end_remnants(directory)
    status = Status(directory)
    status.values.update(known or {})
    status.finish("failed", reason=reason, lost=lost)


def end_remnants(directory: str) -> bool:
    """Kill every process of the job that can be found; return whether none is left. Does not wait."""
    known = read_status(directory) or {}
    script = script_of(directory) or (known.get("script_pid"), known.get("script_birth"))
    try:
        key = Job.read(directory).key
    except JobError:  # it was never run, then
        return True
    for _ in range(_ROUNDS):  # a process may start another while we look
        left = processes_of_job(key, *script)
        if not left:
            return True
        for pid in left:
            kill(pid, signal.SIGKILL)
    return False
