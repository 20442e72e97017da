"""What is left to do for a job whose runner died or was told to die: end its processes, say that it was lost."""

from __future__ import annotations

import os

from .claiming import CANCEL, script_of
from .errors import JobError
from .job import Job
from .processes import kill, processes_of_job, signal
from .status import TERMINAL, Status, read_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["REASON", "STOPPED", "bury", "end_remnants", "last_word"]

REASON = "The runner of the job was killed, or its machine was restarted."
STOPPED = "The job was told to end, and nobody had canceled it: its machine was shut down, or somebody ended it there."
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


def last_word(directory: str) -> dict[str, Any] | None:
    """Return what the runner last said, None before its first word.

    Machines and engines that shut down send the signal of a cancellation. Who cancels leaves the ``cancel`` file first:
    where that is missing, the job was lost.
    """
    said = read_status(directory)
    if said is None or said.get("state") != "cancelled" or said.get("reason"):
        return said
    if os.path.exists(os.path.join(directory, CANCEL)) or not os.path.isdir(directory):
        return said
    return dict(said, state="failed", reason=STOPPED, lost=True)


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
