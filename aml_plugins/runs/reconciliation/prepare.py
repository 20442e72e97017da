"""From a written-down run to a bundle that a backend can submit: snapshot, MLflow run, staged files."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.datastores.opening import default_datastore, open_datastore
from aml_plugins.errors import OperationFailedError
from aml_plugins.runs.console_link import console_link_tags
from aml_plugins.runs.reconciliation.bundle import job_spec, stage_bundle
from aml_plugins.runs.reconciliation.step import Step, configuration, job_key, moved
from aml_plugins.runs.run_files import SNAPSHOT_FILE
from aml_plugins.runs.snapshot import take_snapshot
from aml_plugins.runs.source import source_tags
from aml_plugins.runs.states import RunState
from aml_plugins.store.records import SnapshotRecord

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord

__all__ = ["snapshot_path", "stage", "take_snapshot_of"]


def take_snapshot_of(step: Step, run: RunRecord) -> RunRecord:
    """Store the snapshot and create the MLflow run (journey, step 2)."""
    if run.cancel_requested_at is not None:
        return step.save(_canceled_before_start(run), message="Canceled before it started.")
    zip_file = _snapshot_file(step, run)
    _create_mlflow_run(step, run)  # first: a run that ends because its snapshot cannot be stored ends in MLflow, too
    _store_snapshot(step, run, zip_file)
    named = _named(zip_file, run.snapshot_digest or "", step.staging(run))
    step.history(run).attach_snapshot(run.run_id, named, run.snapshot_digest or "")
    return step.save(moved(run, RunState.PREPARING), message="The snapshot is stored.")


def stage(step: Step, run: RunRecord) -> RunRecord:
    """Bring the job's files together and let the backend plan it (journey, step 3)."""
    if run.cancel_requested_at is not None:
        return step.save(_canceled_before_start(run), message="Canceled before it was submitted.")
    bundle = step.staged[job_key(run)] = stage_bundle(step, run)
    step.backend(run).plan(job_spec(run, bundle, variables={}), job_key(run))
    return step.save(moved(run, RunState.QUEUED), message=f"Ready for compute target '{run.target}'.")


def snapshot_path(run: RunRecord) -> str:
    """Return where a run puts a snapshot that its workspace has not.

    No two runs have one path: whoever deletes a snapshot that was released deletes none that was just stored again, and
    none of another workspace in the same datastore. The record says where it lies for all runs that name it.
    """
    digest = run.snapshot_digest or ""
    return f"snapshots/{digest[:2]}/{digest}-{run.run_id}.zip"


def _canceled_before_start(run: RunRecord) -> RunRecord:
    return moved(run, RunState.FINALIZING, outcome=RunState.CANCELED.value, reason="Canceled before it started.")


def _snapshot_file(step: Step, run: RunRecord) -> Path:
    """Return the snapshot that the submitter took; its cache is on the submitter's machine."""
    cached = step.context.home.joinpath("snapshots", f"{run.snapshot_digest}.zip")
    if cached.is_file():
        return cached
    if run.source.get("host") != socket.gethostname():
        raise OperationFailedError(
            f"The submission on '{run.source.get('host')}' ended before its snapshot was stored.",
            "Submit the run again.",
        )
    again = take_snapshot(Path(str(run.source.get("directory"))), cache=step.context.home / "snapshots")
    if again.digest != run.snapshot_digest:
        raise OperationFailedError(
            f"The source directory '{run.source.get('directory')}' changed before its snapshot was stored.",
            "Submit the run again.",
        )
    return again.path


def _store_snapshot(step: Step, run: RunRecord, zip_file: Path) -> None:
    digest = run.snapshot_digest or ""
    record = step.context.store.snapshots.find(run.workspace, digest)
    datastore = (
        open_datastore(step.context, run.workspace, record.datastore)  # the default one may have changed since
        if record
        else default_datastore(step.context, run.workspace)
    )
    path = record.path if record else snapshot_path(run)
    if not datastore.exists(path):
        datastore.put(zip_file, path, immutable=True)
    if record is not None:
        return
    import zipfile  # noqa: PLC0415  once for each content of a directory

    with zipfile.ZipFile(zip_file) as archive:
        files = len(archive.namelist())
    stored = step.context.store.snapshots.put(
        SnapshotRecord(
            workspace=run.workspace,
            digest=digest,
            datastore=datastore.name,
            path=path,
            size=zip_file.stat().st_size,
            files=files,
        )
    )
    if stored.path != path:  # another run with the same was faster
        datastore.delete(path)


def _create_mlflow_run(step: Step, run: RunRecord) -> None:
    tags = {
        "aml.target": run.target,
        "aml.target_type": run.target_type,
        "aml.snapshot": run.snapshot_digest or "",
        "aml.script": run.script,
        **source_tags(Path(str(run.source.get("directory"))), run.script),
        **console_link_tags(step.context.store.uri, run),
        **configuration(run).tags,
    }
    step.history(run).create_run(
        run.run_id,
        run.experiment_id,
        name=run.name,
        tags=tags,
        user=run.user,
        parent_run_id=run.parent_run_id,
        start_time=int(run.created_at * 1000),
    )
    parameters = run.source.get("parameters")
    if isinstance(parameters, dict):  # before the script begins, which may log the same ones
        step.history(run).log(run.run_id, params={str(key): str(value) for key, value in parameters.items()})


def _named(zip_file: Path, digest: str, staging: Path) -> Path:
    """Return the snapshot under the name that people see: a second name of the cache's file, the same for all runs."""
    path = zip_file.parent.joinpath("named", digest, SNAPSHOT_FILE)
    with suppress(OSError):  # there is none yet
        if path.samefile(zip_file):
            return path
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.link(zip_file, part)
        part.replace(path)
    except OSError:  # a file system without links: the copy says what else may be wrong
        return _copied(zip_file, staging)
    return path


def _copied(zip_file: Path, directory: Path) -> Path:
    """Copy the snapshot, whole or not at all."""
    path = directory / SNAPSHOT_FILE
    if not path.is_file():
        import shutil  # noqa: PLC0415  for file systems without links

        directory.mkdir(parents=True, exist_ok=True)
        part = directory / f"snapshot.{os.getpid()}.part"
        shutil.copyfile(zip_file, part)
        part.replace(path)
    return path
