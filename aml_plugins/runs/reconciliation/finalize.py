"""Bring everything home, close the MLflow run, leave nothing on the target (journey, steps 5 and 6)."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.compute.job import JobHandle
from aml_plugins.errors import (
    InvalidInputError,
    JobNotFoundError,
    NotFoundError,
    NotYetDoneError,
    TransientBackendError,
)
from aml_plugins.runs.attempts import attempts_of, log_path, next_attempt_cursors, retry_is_due
from aml_plugins.runs.masking import mask_of
from aml_plugins.runs.reconciliation.in_place import take_in_place
from aml_plugins.runs.reconciliation.records import RecordFeed
from aml_plugins.runs.reconciliation.step import Step, configuration, job_key, moved
from aml_plugins.runs.states import RunState, mlflow_status
from aml_plugins.secrets.masking import Mask, mask_file
from aml_plugins.store.copies import changed

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord

__all__ = ["close", "finalize", "is_collected"]

logger = logging.getLogger(__name__)

TAIL_LINES = 10
TAIL_BYTES = 4096
LOG = log_path(None)
OFFLINE_DATABASE = "mlflow.db"
_AGAIN = "again"
"""The cursor that says that another attempt follows."""
_LAST_WORDS = {RunState.COMPLETED: "Its results are here.", RunState.CANCELED: "It was canceled."}


def finalize(step: Step, run: RunRecord, trouble: Exception | None = None) -> RunRecord:
    """Collect, close, clean up; every part is safe to repeat.

    :param trouble: why an earlier try to collect failed for good: the run then ends as Failed, and what the job left
        stays on the target for its owner to look at.
    """
    if trouble is not None:
        return close(step, changed(run, outcome=RunState.FAILED.value, reason=_uncollected(run, trouble)))
    if not is_collected(run):
        return _collect(step, run)
    run = step.written(run)  # before the target forgets the job
    _clean_target(step, run)
    if run.cursors.get(_AGAIN):
        return _next_attempt(step, run)
    return close(step, run)


def _collect(step: Step, run: RunRecord) -> RunRecord:
    """Bring outputs, logs and records home, once."""
    if configuration(run).environment_variables:
        run = step.written(run)  # others see it, and all that waits: who has the secrets among them may not answer soon
    run = changed(run, cursors={**run.cursors, _AGAIN: retry_is_due(run)})  # decided once: the results go where it says
    mask = mask_of(step.context, run)
    found = None if mask else take_in_place(step, run, _below(run))
    if found is not None:
        told, reason = "", _reason(run, Path(found.get(LOG, os.devnull)))
    else:
        told, reason = _collect_through_staging(step, run, mask)
    cursors = {**run.cursors, "collected": run.attempt}
    return step.save(changed(run, reason=reason, cursors=cursors), message=told)


def _collect_through_staging(step: Step, run: RunRecord, mask: Mask) -> tuple[str, str | None]:
    """Return what was done with its data, and the run's reason."""
    step.written(run)  # likewise: much may have to be copied
    with _place_for_results(step.staging(run)) as results:
        _fetch(step, run, results)
        _hide_secrets(results / LOG, mask)
        with contextlib.suppress(InvalidInputError):  # deleted in MLflow: there is no place for its results
            _upload(step, run, results)
        told = _deliver_data(step, run, results)
        reason = _reason(run, results / LOG)
        return told, mask.text(reason) if reason else reason


def _below(run: RunRecord) -> str:
    """Return where among the results those of an attempt lie that another one follows."""
    return f"attempt-{run.attempt}" if run.cursors.get(_AGAIN) else ""


@contextlib.contextmanager
def _place_for_results(staging: Path) -> Iterator[Path]:
    """Make an empty directory that nobody else has: the run's own, or one in it where that is there already."""
    try:
        _make_private(staging)
    except FileExistsError:  # inputs, a driver that was killed, or one that has not noticed that it lost the run
        import tempfile  # noqa: PLC0415  after a crash, mostly

        with tempfile.TemporaryDirectory(dir=staging, prefix="results-") as name:
            yield Path(name)
        return
    try:
        yield staging  # deleted when the target has been cleaned
    except BaseException:
        _delete(staging)
        raise


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700)
    except FileNotFoundError:  # the first run of this home
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700)


def _delete(directory: Path) -> None:
    if not os.path.isdir(directory):  # noqa: PTH112  most runs have none
        return
    import shutil  # noqa: PLC0415  a submitter has its script running before

    shutil.rmtree(directory, ignore_errors=True)


def is_collected(run: RunRecord) -> bool:
    """Say whether the attempt's results are here, or there are none."""
    return run.handle is None or run.cursors.get("collected") == run.attempt


def _hide_secrets(log: Path, mask: Mask) -> None:
    """Take the values of the run's secrets out of its log, before anybody else can read it."""
    if mask and log.is_file():
        mask_file(log, mask)


def _deliver_data(step: Step, run: RunRecord, results: Path) -> str:
    """Store what a completed script wrote for datastores; half a result of one that failed stays where it was."""
    if run.outcome != RunState.COMPLETED.value or not configuration(run).data:
        return ""
    from aml_plugins.runs.data.delivering import deliver_data  # noqa: PLC0415  most runs have none

    return " ".join(deliver_data(step, run, results / "uploads"))


def _fetch(step: Step, run: RunRecord, results: Path) -> None:
    try:
        step.backend(run).fetch(_handle(run), results)
    except JobNotFoundError:  # the target lost the job, as the run's reason says: there is nothing to bring
        return


def _upload(step: Step, run: RunRecord, results: Path) -> None:
    history, there = step.history(run), os.listdir(results)  # noqa: PTH208  most have a log and nothing else
    status = mlflow_status(RunState(run.outcome or RunState.FAILED))
    if "outputs" in there and (results / "outputs" / OFFLINE_DATABASE).is_file():
        from aml_plugins.runs.records.offline_mlflow import replay_offline_mlflow  # noqa: PLC0415  most runs have none

        replay_offline_mlflow(history, run.run_id, run.experiment_id, results / "outputs", status)
    for folder in ("outputs", "logs"):
        if folder in there and (results / folder).is_dir():
            history.upload(run.run_id, results / folder, f"{folder}/{_below(run)}".rstrip("/"))
    if "records.jsonl" in there and (records := results / "records.jsonl").is_file():
        RecordFeed(history, run, results / "uploads").finish(records, status)


def _clean_target(step: Step, run: RunRecord) -> None:
    """Delete the job's remains.

    :raises NotYetDoneError: where that takes longer: the driver comes again.
    """
    if run.handle is not None:
        step.backend(run).cleanup(_handle(run))
    else:
        _clean_unnoted(step, run)
    step.staged_job(run).unlink(missing_ok=True)
    _delete(step.staging(run))


def _clean_unnoted(step: Step, run: RunRecord) -> None:
    """Delete what a submission left on the target that failed half-way, or whose driver was killed."""
    try:
        backend = step.backend(run)
        handle = backend.find(job_key(run))
        if handle is not None:
            backend.cleanup(handle)
    except (TransientBackendError, NotYetDoneError):
        raise
    except Exception as error:  # noqa: BLE001  the run ends for its own reason, not for this one
        logger.warning("Whether run %s left something on '%s' cannot be found out: %s", run.run_id, run.target, error)


def _next_attempt(step: Step, run: RunRecord) -> RunRecord:
    again = moved(
        run,
        RunState.PREPARING,
        attempt=run.attempt + 1,
        handle=None,
        outcome=None,
        reason=None,
        exit_code=None,
        native_state="",
        ended_at=None,
        cursors=next_attempt_cursors(run),
    )
    step.feeds.pop(f"{run.run_id}-{run.attempt}", None)
    ended = attempts_of(run)[-1]
    what = "lost its machine" if ended.lost else "failed"
    return step.save(again, message=f"Attempt {run.attempt} {what}: {ended.reason} Trying again.")


def close(step: Step, run: RunRecord) -> RunRecord:
    """Close the MLflow run before the last write, which frees the slot: a crash in between repeats it."""
    outcome = RunState(run.outcome or RunState.FAILED)
    ended_at = run.ended_at or time.time()
    tags = {"aml.state": outcome.value, **({"aml.reason": run.reason[:4000]} if run.reason else {})}
    with contextlib.suppress(NotFoundError):  # deleted for good in MLflow, or never created there
        status = mlflow_status(outcome)
        step.history(run).set_status(run.run_id, status, end_time=int(ended_at * 1000), tags=tags)
    step.feeds.pop(f"{run.run_id}-{run.attempt}", None)
    return step.save(
        moved(run, outcome, ended_at=ended_at), message=run.reason or _LAST_WORDS.get(outcome, ""), progress=1.0
    )


def _reason(run: RunRecord, log: Path) -> str | None:
    """Return why the run failed, with the log's last lines: most people need no more."""
    if run.outcome != RunState.FAILED.value:
        return run.reason
    said = run.reason or f"The script ended with exit code {run.exit_code}."
    tail = _tail(log)
    # The runner's own reason is also the last that it wrote into the log; of a long one, the tail has the last lines.
    is_said = f"\n{tail}".endswith(f"\n{said}") or f"\n{said}".endswith(f"\n{tail}")
    return said if is_said or not tail else f"{said} The last lines of its log:\n{tail}"


def _tail(log: Path) -> str:
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])


def _uncollected(run: RunRecord, trouble: Exception) -> str:
    return f"The job ended as {run.outcome}, but its results could not be brought home: {trouble}"


def _handle(run: RunRecord) -> JobHandle:
    return JobHandle.from_dict(dict(run.handle or {}))
