"""What can go wrong in a way that a sentence explains."""

from __future__ import annotations

import errno

__all__ = ["CancelledError", "JobError", "disk_is_full", "sentence_of"]


class JobError(Exception):
    """The job cannot be run; the message is one sentence for its owner."""


class CancelledError(Exception):
    """The job was asked to end before its script started."""


def disk_is_full(error: BaseException) -> bool:
    """Return whether there is no room left, on the disk or in the owner's quota."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def sentence_of(error: BaseException) -> str:
    """Return what to tell people about an error that ended the job."""
    if isinstance(error, JobError):
        return str(error)
    if disk_is_full(error):
        return "The disk of the compute target is full."
    return f"The runner failed: {type(error).__name__}: {error}"
