"""From a written-down run to a bundle that a backend can submit: snapshot, MLflow run, staged files."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.errors import InvalidInputError, OperationFailedError
from aml_plugins.runs.reconciliation.bundle import job_spec, stage_bundle
from aml_plugins.runs.reconciliation.step import Step, configuration, job_key, moved
from aml_plugins.runs.snapshot import take_snapshot
from aml_plugins.runs.source import source_tags
from aml_plugins.runs.states import RunState
from aml_plugins.store.records import SnapshotRecord

if TYPE_CHECKING:
    from aml_plugins.runs.snapshot import Snapshot
    from aml_plugins.store.records import RunRecord

__all__ = ["snapshot_path", "stage", "take_snapshot_of"]


def take_snapshot_of(step: Step, run: RunRecord) -> RunRecord:
    """Store the snapshot and create the MLflow run (journey, step 2)."""
    if run.cancel_requested_at is not None:
        return step.save(_canceled_before_start(run), message="Canceled before it started.")
    snapshot = take_snapshot(_source_directory(run), cache=step.context.home / "snapshots")
    _store_snapshot(step, run, snapshot)
    run = replace(run, snapshot_digest=snapshot.digest)
    _create_mlflow_run(step, run, snapshot)
    return step.save(
        moved(run, RunState.PREPARING), message=f"Snapshot of {snapshot.files} files, {snapshot.size} bytes."
    )


def stage(step: Step, run: RunRecord) -> RunRecord:
    """Bring the job's files together and let the backend plan it (journey, step 3)."""
    if run.cancel_requested_at is not None:
        return step.save(_canceled_before_start(run), message="Canceled before it was submitted.")
    bundle = stage_bundle(step, run)
    step.backend(run).plan(job_spec(step, run, bundle, variables={}), job_key(run))
    return step.save(moved(run, RunState.QUEUED), message=f"Ready for compute target '{run.target}'.")


def snapshot_path(digest: str) -> str:
    """Return where a snapshot lies in its datastore."""
    return f"snapshots/{digest[:2]}/{digest}.zip"


def _canceled_before_start(run: RunRecord) -> RunRecord:
    return moved(run, RunState.FINALIZING, outcome=RunState.CANCELED.value, reason="Canceled before it started.")


def _source_directory(run: RunRecord) -> Path:
    """Return the directory the run was submitted from: only its own machine can look into it."""
    source = run.source
    if source.get("host") != socket.gethostname():
        raise OperationFailedError(
            f"The submission on '{source.get('host')}' ended before its snapshot was stored.", "Submit the run again."
        )
    directory = Path(str(source.get("directory")))
    script = directory / run.script
    if not script.is_file():
        raise InvalidInputError(f"The script '{run.script}' is not in '{directory}'.", "Name a file inside it.")
    return directory


def _store_snapshot(step: Step, run: RunRecord, snapshot: Snapshot) -> None:
    datastore = default_datastore(step.context, run.workspace)
    path = snapshot_path(snapshot.digest)
    if not datastore.exists(path):
        datastore.put(snapshot.path, path, immutable=True)
    step.context.store.snapshots.put(
        SnapshotRecord(
            workspace=run.workspace,
            digest=snapshot.digest,
            datastore=datastore.name,
            path=path,
            size=snapshot.size,
            files=snapshot.files,
        )
    )


def _create_mlflow_run(step: Step, run: RunRecord, snapshot: Snapshot) -> None:
    history = step.history(run)
    directory = Path(str(run.source.get("directory")))
    tags = {
        "aml.target": run.target,
        "aml.target_type": run.target_type,
        "aml.snapshot": snapshot.digest,
        "aml.script": run.script,
        **source_tags(directory, run.script),
        **configuration(run).tags,
    }
    history.create_run(
        run.run_id,
        run.experiment_id,
        name=run.name,
        tags=tags,
        user=run.user,
        parent_run_id=run.parent_run_id,
        start_time=int(run.created_at * 1000),
    )
    listed = step.staging(run) / "snapshot.zip"
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.unlink(missing_ok=True)
    os.link(snapshot.path, listed)
    history.upload(run.run_id, listed, "snapshot")
