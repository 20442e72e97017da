"""What can go wrong, in words for the run's owner."""

from __future__ import annotations

import errno

__all__ = ["BuildError", "BuildStoppedError", "sentence_of"]


class BuildError(Exception):
    """The environment cannot be built; the text is one sentence, and a tool's last lines where one failed."""


class BuildStoppedError(BuildError):
    """The run was asked to end meanwhile."""

    def __init__(self) -> None:
        super().__init__("The build was stopped.")


def sentence_of(error: OSError) -> str:
    """Return what to tell people about an error of the operating system."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "The disk of the compute target is full."
    name = f" '{error.filename}'" if error.filename else ""
    return f"The compute target refused to use{name}: {error.strerror or error}."
