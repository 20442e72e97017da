"""The files and values a backend gets: ``runner.pyz``, ``job.json``, ``snapshot.zip``, variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.compute.job import JobSpec
from aml_plugins.compute.runner_bundle import runner_file, write_job_file
from aml_plugins.datastores.opening import open_datastore
from aml_plugins.errors import OperationFailedError
from aml_plugins.runs.reconciliation.step import Step, configuration, job_key

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord

__all__ = ["job_spec", "stage_bundle"]


def stage_bundle(step: Step, run: RunRecord) -> dict[str, Path]:
    """Make the job's files on this machine, anew where a crash left half of them."""
    directory = step.staging(run)
    directory.mkdir(parents=True, exist_ok=True)
    return {
        "runner.pyz": runner_file(step.context.home),
        "job.json": _job_file(step, run, directory),
        "snapshot.zip": _snapshot_file(step, run, directory),
    }


def job_spec(run: RunRecord, bundle: Mapping[str, Path], variables: Mapping[str, str]) -> JobSpec:
    """Return what the backend is asked to run."""
    config = configuration(run)
    return JobSpec(
        workspace=run.workspace,
        run_id=run.run_id,
        attempt=run.attempt,
        bundle=bundle,
        environment=config.environment.to_json(),
        environment_variables=variables,
        resources=config.resources.model_dump(mode="json", exclude_none=True),
        spark=config.spark.model_dump(mode="json", exclude_none=True) if config.spark else None,
        node_count=config.node_count,
        time_limit_seconds=config.time_limit,
        display={"workspace": run.workspace, "experiment": run.experiment_name, "run": run.name or run.run_id},
    )


def _job_file(step: Step, run: RunRecord, directory: Path) -> Path:
    config = configuration(run)
    path = directory / "job.json"
    write_job_file(
        path,
        key=job_key(run),
        run_id=run.run_id,
        parent_run_id=run.parent_run_id,
        experiment=run.experiment_name,
        snapshot_digest=run.snapshot_digest or "",
        script=run.script,
        arguments=config.arguments,
        environment=config.environment.model_dump(mode="json", exclude_none=True),
        variables={"AML_WORKSPACE": run.workspace, "AML_TARGET": run.target, "AML_EXPERIMENT_ID": run.experiment_id},
        time_limit_seconds=config.time_limit,
        cache=str(step.context.home / "environments"),
    )
    return path


def _snapshot_file(step: Step, run: RunRecord, directory: Path) -> Path:
    """Return the snapshot as a local file: the datastore's own where it is local, else the cache's or a download."""
    record = step.context.store.snapshots.find(run.workspace, run.snapshot_digest or "")
    if record is None:
        raise OperationFailedError(f"The snapshot of run {run.run_id} is gone.", "Submit the run again.")
    datastore = open_datastore(step.context, run.workspace, record.datastore)
    local = datastore.local_path(record.path)
    if local is not None and local.is_file():
        return local
    cached = step.context.home / "snapshots" / f"{run.snapshot_digest}.zip"
    if cached.is_file():
        return cached
    target = directory / "snapshot.zip"
    if not target.is_file():
        part = directory / f"snapshot.{os.getpid()}.part"
        datastore.get(record.path, part)
        part.replace(target)
    return target
