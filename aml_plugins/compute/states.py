"""The few states a backend speaks; the words users see are made from them in ``runs/states.py``."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["JobState"]


class JobState(StrEnum):
    """State of a job on its compute target. Vendor detail goes to ``JobStatus.native_state``."""

    PENDING = "PENDING"
    """Accepted, not started."""
    RUNNING = "RUNNING"
    """Started; the script itself may still wait for its environment (``JobStatus.preparing``)."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    """The target said something we cannot place. Never terminal: a newer vendor state must not end a run."""

    @classmethod
    def _missing_(cls, value: object) -> JobState:
        del value
        return cls.UNKNOWN

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended for good."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}
