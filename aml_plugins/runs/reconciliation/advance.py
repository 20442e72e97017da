"""Take a run one step forward: the only code that moves a run between states."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError, JobNotFoundError, NotYetDoneError, StoreError, TransientBackendError
from aml_plugins.runs.masking import without_secrets
from aml_plugins.runs.reconciliation.finalize import finalize
from aml_plugins.runs.reconciliation.launch import launch
from aml_plugins.runs.reconciliation.observe import observe
from aml_plugins.runs.reconciliation.prepare import stage, take_snapshot_of
from aml_plugins.runs.reconciliation.step import Step, failed, is_disk_full
from aml_plugins.runs.states import RunState
from aml_plugins.store.copies import changed

if TYPE_CHECKING:
    from aml_plugins.compute.job import JobStatus
    from aml_plugins.store.records import RunRecord

__all__ = ["advance", "needs_status"]

logger = logging.getLogger(__name__)

Observation = "JobStatus | Exception | None"


def needs_status(run: RunRecord) -> bool:
    """Say whether the run's next step wants to know how its job is."""
    return run.handle is not None and run.state in _WITH_JOB


def advance(step: Step, run: RunRecord, seen: JobStatus | Exception | None = None) -> RunRecord:
    """Take the run one step forward and return it as stored; unchanged where there is nothing to do yet.

    Safe to repeat at any point, by any driver that holds the run's lease.

    :param seen: what the backend said about the job, where :func:`needs_status` asked for it.
    :raises TransientBackendError: the target cannot be asked now; the run stays as it is.
    :raises StoreError: the database cannot be asked now, or the lease is lost.
    """
    try:
        if needs_status(run):
            return _with_job(step, run, seen)
        return _WITHOUT_JOB[RunState(run.state)](step, run)
    except (TransientBackendError, StoreError, NotYetDoneError) as error:
        if not is_disk_full(error) or RunState(run.state) is RunState.FINALIZING:  # results are worth waiting for
            raise
        return _give_up(step, run, error)
    except Exception as error:  # noqa: BLE001  plugins, targets, stores: whatever it is, the run must end with its reason
        return _give_up(step, run, error)


def _with_job(step: Step, run: RunRecord, seen: JobStatus | Exception | None) -> RunRecord:
    if isinstance(seen, JobNotFoundError) or not isinstance(seen, Exception):
        return observe(step, run, seen)
    raise seen


def _give_up(step: Step, run: RunRecord, error: Exception) -> RunRecord:
    """End a run that cannot go on. What failed while finalizing is told, and the run still ends."""
    is_told = isinstance(error, AmlError)  # in words that the row, the task and whoever waits have, too
    level = logging.INFO if is_told else logging.WARNING
    logger.log(level, "Run %s cannot go on: %s", run.run_id, error, exc_info=not is_told)
    step.written(run)
    current = step.context.store.runs.get(run.workspace, run.run_id)
    if RunState(current.state) is RunState.FINALIZING:
        return finalize(step, current, trouble=error)
    ended = failed(current, error)
    reason = without_secrets(step.context, current, ended.reason or "")
    return step.save(changed(ended, reason=reason), message=without_secrets(step.context, current, str(error)))


def _nothing(_step: Step, run: RunRecord) -> RunRecord:
    return run


_WITH_JOB = frozenset(
    state.value for state in (RunState.PREPARING, RunState.QUEUED, RunState.RUNNING, RunState.CANCEL_REQUESTED)
)

_WITHOUT_JOB: dict[RunState, Callable[[Step, RunRecord], RunRecord]] = {
    RunState.NOT_STARTED: take_snapshot_of,
    RunState.PREPARING: stage,
    RunState.QUEUED: launch,
    RunState.RUNNING: launch,
    RunState.CANCEL_REQUESTED: launch,
    RunState.FINALIZING: finalize,
    RunState.COMPLETED: _nothing,
    RunState.FAILED: _nothing,
    RunState.CANCELED: _nothing,
}
