"""Make the words users see from what the backend says about the job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aml_plugins.compute.abilities import SupportsRecords
from aml_plugins.compute.job import JobHandle, JobStatus
from aml_plugins.compute.states import JobState
from aml_plugins.errors import JobNotFoundError
from aml_plugins.runs.attempts import GENERATION, LINK, LOST_MARK
from aml_plugins.runs.reconciliation.records import RecordFeed
from aml_plugins.runs.reconciliation.step import Step, moved
from aml_plugins.runs.states import RunState, mlflow_status
from aml_plugins.store.records import TaskRecord

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord

__all__ = ["observe"]

LOST = JobStatus(
    state=JobState.FAILED, native_state="lost", reason="The compute target does not know the job any more.", lost=True
)

WORTH_TELLING_SECONDS = 0.1
"""Of a job that ends sooner, the end is the only news: that it runs would be written, told and read in vain."""

_OUTCOMES = {
    JobState.SUCCEEDED: RunState.COMPLETED,
    JobState.FAILED: RunState.FAILED,
    JobState.CANCELLED: RunState.CANCELED,
}


def observe(step: Step, run: RunRecord, seen: JobStatus | JobNotFoundError | None) -> RunRecord:
    """Take the run to where its job is (journey, steps 4 and 5)."""
    if seen is None:
        return run
    status = LOST if isinstance(seen, JobNotFoundError) else seen
    _show_environment(step, run, status)
    if status.state.is_terminal:
        return _ended(step, run, status)
    if run.cancel_requested_at is not None:
        return _cancel(step, run)
    if _is_no_news(step, run, status):
        return run
    _pull_records(step, run, status)
    return _moved_on(step, run, status)


def _ended(step: Step, run: RunRecord, status: JobStatus) -> RunRecord:
    outcome = _OUTCOMES[status.state]
    if outcome is RunState.FAILED and run.cancel_requested_at is not None:
        outcome = RunState.CANCELED  # the script's last word under SIGTERM is an exit code
    ended = moved(
        run,
        RunState.FINALIZING,
        outcome=outcome.value,
        native_state=status.native_state,
        exit_code=status.exit_code,
        reason=status.reason,
        started_at=status.started_at or run.started_at,
        ended_at=status.finished_at,
        cursors={**run.cursors, LOST_MARK: status.lost, **_facts(status)},
    )
    # Others can start while its results come home.
    return step.save(ended, message="The job ended; bringing its results home.", progress=0.9, frees_slot=True)


def _cancel(step: Step, run: RunRecord) -> RunRecord:
    """Ask again at every look: asking is idempotent, and the first request may have been lost with its driver."""
    step.backend(run).cancel(_handle(run))
    if RunState(run.state) is RunState.CANCEL_REQUESTED:
        return run
    return step.save(moved(run, RunState.CANCEL_REQUESTED), message="Cancellation was passed to the compute target.")


def _is_no_news(step: Step, run: RunRecord, status: JobStatus) -> bool:
    """Say whether a script has just started on this machine, where its end is noticed at once: it may be over soon."""
    has_started = status.state is JobState.RUNNING and not status.preparing and run.state != RunState.RUNNING.value
    is_new = 0.0 <= time.time() - run.updated_at < WORTH_TELLING_SECONDS
    return has_started and is_new and step.backend(run).is_own_machine


def _moved_on(step: Step, run: RunRecord, status: JobStatus) -> RunRecord:
    state = _state(run, status)
    is_known = status.link is None or status.link == run.cursors.get(LINK)
    if state.value == run.state and status.native_state == run.native_state and is_known:
        return run
    if state is RunState.RUNNING and run.state != state.value:
        step.history(run).set_status(run.run_id, mlflow_status(state))
    changed = moved(
        run,
        state,
        native_state=status.native_state,
        reason=status.reason,
        started_at=status.started_at or run.started_at,
        cursors={**run.cursors, **_facts(status)},
    )
    return step.save(changed, progress=0.1 if state is RunState.RUNNING else None)


def _facts(status: JobStatus) -> dict[str, str | int]:
    """Return what readers of the run want to know of its job, as far as it is known now."""
    link: dict[str, str | int] = {LINK: status.link} if status.link else {}
    return {**link, GENERATION: status.generation} if status.generation else link


def _state(run: RunRecord, status: JobStatus) -> RunState:
    if status.state is JobState.PENDING:
        return RunState.QUEUED
    if status.state is JobState.RUNNING:
        return RunState.PREPARING if status.preparing else RunState.RUNNING
    return RunState(run.state)


def _pull_records(step: Step, run: RunRecord, status: JobStatus) -> None:
    """Replay what the script logged so far, so that its metrics show while it runs."""
    backend = step.backend(run)
    if status.state is JobState.RUNNING and not status.preparing and isinstance(backend, SupportsRecords):
        _feed_of(step, run).pull(backend, _handle(run))


def _feed_of(step: Step, run: RunRecord) -> RecordFeed:
    """Return the feed of a run's present attempt, begun where this driver has none."""
    key = f"{run.run_id}-{run.attempt}"
    if key not in step.feeds:
        step.feeds[key] = RecordFeed(step.history(run), run)
    return step.feeds[key]


def _show_environment(step: Step, run: RunRecord, status: JobStatus) -> None:
    """Keep the task of an environment build true: people watch it."""
    build = status.environment
    if not build:
        return
    states = {"running": "Running", "succeeded": "Completed", "failed": "Failed"}
    step.context.store.tasks.put(
        TaskRecord(
            workspace=run.workspace,
            task_id=f"{run.run_id}-environment-{run.attempt}",
            kind="environment",
            subject=run.run_id,
            state=states.get(build.get("state", ""), "Running"),
            message=build.get("message", ""),
            result={"environment": build.get("key", "")},
        ),
        message=build.get("message", ""),
    )


def _handle(run: RunRecord) -> JobHandle:
    return JobHandle.from_dict(dict(run.handle or {}))
