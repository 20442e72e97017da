"""Hand the job to its compute target, exactly once (design.md, 4.6)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.compute.abilities import SupportsProvisioning
from aml_plugins.errors import OperationFailedError
from aml_plugins.runs.reconciliation.bundle import job_spec, stage_bundle
from aml_plugins.runs.reconciliation.step import Step, configuration, job_key, moved
from aml_plugins.runs.states import RunState
from aml_plugins.secrets import resolve_secrets, secret_source
from aml_plugins.store.copies import changed

if TYPE_CHECKING:
    from aml_plugins.compute.backend import ComputeBackend
    from aml_plugins.store.records import RunRecord

__all__ = ["launch", "waits", "waits_for_slot"]

CLAIM_SECONDS = 0.1
"""How soon a run that waits learns of a slot that no driver of its own passes on."""

_QUEUED = RunState.QUEUED.value
_WAITS_FOR_SLOT = "Waiting for one of the"

_A_FILE_HERE = ("sqlite:", "file:", "/")
_A_FILE_THERE = "sqlite:///outputs/mlflow.db"
"""Without a route to the tracking store, what a script logs with MLflow itself comes home as an output."""


def launch(step: Step, run: RunRecord) -> RunRecord:
    """Submit the job, or find the one that a driver submitted before it was killed."""
    backend = step.backend(run)
    if run.cancel_requested_at is not None:
        return _cancel_unsubmitted(step, run, backend)
    if issubclass(type(backend), SupportsProvisioning) and _is_being_created(step, run):
        step.full.add((run.workspace, run.target))  # the others that wait for it need not ask
        return _wait(step, run, f"Waiting until compute target '{run.target}' is created.")
    if not _has_slot(step, run, backend):
        return _wait_for_slot(step, run, backend)
    run = step.written(run)  # before anything leaves; a wish to cancel comes back with it
    if run.cancel_requested_at is not None:
        return _cancel_unsubmitted(step, run, backend)
    bundle = step.staged.pop(job_key(run), None) or stage_bundle(step, run)
    variables = {**_variables(step, run, backend), **_signatures(step, run, bundle)}
    spec = job_spec(run, bundle, variables)
    handle = backend.submit(spec, job_key(run))
    return step.save(
        changed(run, handle=handle.to_dict(), reason=None),
        message=f"Submitted to '{run.target}' as {handle.job_id}.",
        then=lambda submitted: step.context.plugins.notify("aml_run_submitted", run=submitted),
    )


def waits(step: Step, run: RunRecord) -> bool:
    """Say whether a run waits, as it is noted to, for a target that takes none in this round."""
    return (
        run.state == _QUEUED
        and run.handle is None
        and run.reason is not None
        and run.cancel_requested_at is None
        and (run.workspace, run.target) in step.full
    )


def waits_for_slot(run: RunRecord) -> bool:
    """Say whether a run waits, as it is noted to, until others on its target have ended."""
    return run.state == _QUEUED and run.handle is None and str(run.reason).startswith(_WAITS_FOR_SLOT)


def _cancel_unsubmitted(step: Step, run: RunRecord, backend: ComputeBackend) -> RunRecord:
    """Cancel a run without a handle: a killed driver may have submitted its job all the same."""
    handle = backend.find(job_key(run))
    if handle is not None:
        return step.save(changed(run, handle=handle.to_dict()))
    reason = "Canceled before it was submitted."
    return step.save(moved(run, RunState.FINALIZING, outcome=RunState.CANCELED.value, reason=reason), message=reason)


def _has_slot(step: Step, run: RunRecord, backend: ComputeBackend) -> bool:
    limit = backend.target.config.max_parallel_runs
    target = (run.workspace, run.target)
    if limit is None or target in step.full:
        return limit is None
    targets = step.context.store.compute_targets
    ended = step.writes.ended_on(*target)
    if ended is not None:
        if targets.pass_slot(ended, run.run_id, limit):
            step.writes.keep_slot(ended)
            _expect_no_other(step, target)
            return True
        step.writes.write()
    if targets.claim_slot(*target, run.run_id, limit):
        return True
    step.refused[target] = time.monotonic()
    step.full.add(target)
    return False


def _expect_no_other(step: Step, target: tuple[str, str]) -> None:
    """Do not ask for a slot beside those that are passed on, but now and then: others free one, or raise the limit."""
    is_last = step.writes.ended_on(*target) is None
    if is_last and target in step.refused and time.monotonic() < step.refused[target] + CLAIM_SECONDS:
        step.full.add(target)


def _wait_for_slot(step: Step, run: RunRecord, backend: ComputeBackend) -> RunRecord:
    limit = backend.target.config.max_parallel_runs
    return _wait(step, run, f"{_WAITS_FOR_SLOT} {limit} slots of compute target '{run.target}'.")


def _is_being_created(step: Step, run: RunRecord) -> bool:
    """Say whether the target is still being created.

    :raises OperationFailedError: where it is being deleted, or was never whole.
    """
    found = step.context.store.provisionings.find(run.workspace, run.target)
    if found is None or (found.settled and found.state == "Ready"):
        return False
    if found.desired.get("absent") or found.state != "Creating":
        raise OperationFailedError(
            f"The compute target '{run.target}' is not there: its state is {found.state}.", "Choose another target."
        )
    return True


def _wait(step: Step, run: RunRecord, reason: str) -> RunRecord:
    if run.reason == reason:
        return run
    return step.save(changed(run, reason=reason), message=reason)


def _signatures(step: Step, run: RunRecord, bundle: Mapping[str, Path]) -> Mapping[str, str]:
    """Return the addresses of data that the job fetches itself: they are as good as credentials for their time."""
    if not configuration(run).data:
        return {}
    from aml_plugins.runs.data.bringing import signatures  # noqa: PLC0415  most runs have none

    return signatures(step, run, bundle)


def _variables(step: Step, run: RunRecord, backend: ComputeBackend) -> Mapping[str, str]:
    """Return the script's environment variables, secrets resolved: they go to the backend and nowhere else."""
    tracking = step.history(run).script_variables(run.run_id)
    if not backend.shares_files and tracking.get("MLFLOW_TRACKING_URI", "").startswith(_A_FILE_HERE):
        tracking = {"MLFLOW_TRACKING_URI": _A_FILE_THERE}
    return {
        **tracking,
        **step.context.plugins.run_environment(run),
        **resolve_secrets(configuration(run).environment_variables, secret_source(step.context, run.workspace)),
    }
