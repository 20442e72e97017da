"""The words users see, which may follow which, and what MLflow calls them. Total functions, in one place."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

__all__ = ["TERMINAL", "TRANSITIONS", "RunState", "mlflow_status"]


class RunState(StrEnum):
    """State of a run (design.md, section 2)."""

    NOT_STARTED = "NotStarted"
    """Written down; the snapshot is being taken."""
    PREPARING = "Preparing"
    """Bundle staged, environment built."""
    QUEUED = "Queued"
    """Waiting for a slot or for the target."""
    RUNNING = "Running"
    CANCEL_REQUESTED = "CancelRequested"
    FINALIZING = "Finalizing"
    """Outputs and logs come home."""
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended for good."""
        return not TRANSITIONS[self]


_S = RunState
_ENDINGS = frozenset({_S.CANCEL_REQUESTED, _S.FINALIZING, _S.FAILED, _S.CANCELED})

TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    _S.NOT_STARTED: frozenset({_S.PREPARING}) | _ENDINGS,
    # An environment is built before the target is asked (Preparing, Queued) or on the target (Queued, Preparing).
    _S.PREPARING: frozenset({_S.QUEUED, _S.RUNNING}) | _ENDINGS,
    _S.QUEUED: frozenset({_S.PREPARING, _S.RUNNING}) | _ENDINGS,
    # Back to Queued or Preparing: a retry, or a job that its target put back into its queue.
    _S.RUNNING: frozenset({_S.PREPARING, _S.QUEUED}) | _ENDINGS,
    _S.CANCEL_REQUESTED: frozenset({_S.FINALIZING, _S.CANCELED, _S.FAILED}),
    _S.FINALIZING: frozenset({_S.PREPARING, _S.COMPLETED, _S.FAILED, _S.CANCELED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELED: frozenset(),
}

TERMINAL = frozenset(state.value for state, following in TRANSITIONS.items() if not following)
"""The words of states in which a run has ended for good: who looks at thousands of runs compares words."""

MlflowStatus = Literal["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"]

_MLFLOW: dict[RunState, MlflowStatus] = {
    _S.NOT_STARTED: "SCHEDULED",
    _S.PREPARING: "SCHEDULED",
    _S.QUEUED: "SCHEDULED",
    _S.RUNNING: "RUNNING",
    _S.CANCEL_REQUESTED: "RUNNING",
    _S.FINALIZING: "RUNNING",
    _S.COMPLETED: "FINISHED",
    _S.FAILED: "FAILED",
    _S.CANCELED: "KILLED",
}


def mlflow_status(state: RunState) -> MlflowStatus:
    """Return MLflow's word for a run's state."""
    return _MLFLOW[state]
