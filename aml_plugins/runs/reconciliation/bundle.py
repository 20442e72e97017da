"""The files and values a backend gets: ``runner.pyz``, ``job.json``, ``snapshot.zip``, variables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.compute.job import JobSpec
from aml_plugins.compute.runner_bundle import runner_file, write_job_file
from aml_plugins.datastores.opening import open_datastore
from aml_plugins.errors import OperationFailedError
from aml_plugins.runs.configuration.environment import DockerEnvironment, Environment, PythonEnvironment
from aml_plugins.runs.reconciliation.step import Step, configuration, job_key

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.runs.data.bringing import Brought
    from aml_plugins.store.records import RunRecord

__all__ = ["job_spec", "stage_bundle"]


def stage_bundle(step: Step, run: RunRecord) -> dict[str, Path]:
    """Make the job's files on this machine, anew where a crash left half of them."""
    data = _data(step, run)
    return {
        "runner.pyz": runner_file(step.context.home),
        "job.json": _job_file(step, run, data.entries if data else ()),
        "snapshot.zip": _snapshot_file(step, run),
        **(data.files if data else {}),
    }


def _data(step: Step, run: RunRecord) -> Brought | None:
    if not configuration(run).data:
        return None
    from aml_plugins.runs.data.bringing import bring_data  # noqa: PLC0415  most runs have none

    step.staging(run).mkdir(parents=True, exist_ok=True)
    return bring_data(step, run)


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


def _job_file(step: Step, run: RunRecord, data: Sequence[JsonObject]) -> Path:
    path = step.staged_job(run)
    if os.path.isfile(path):  # noqa: PTH113  asked for each run; whole, and the same whoever writes it
        return path
    config = configuration(run)
    write_job_file(
        path,
        key=job_key(run),
        run_id=run.run_id,
        parent_run_id=run.parent_run_id,
        experiment=run.experiment_name,
        snapshot_digest=run.snapshot_digest or "",
        script=run.script,
        arguments=config.arguments,
        environment=_inner(config.environment).model_dump(mode="json", exclude_none=True),
        variables={
            "AML_WORKSPACE": run.workspace,
            "AML_TARGET": run.target,
            "AML_EXPERIMENT_ID": run.experiment_id,
            **_names(config.environment_variables),
        },
        time_limit_seconds=config.time_limit,
        cache=str(step.context.home / "environments"),
        data=data,
    )
    return path


def _names(variables: Mapping[str, str]) -> dict[str, str]:
    """Say which variables are the run's own: only these a script gets by ``get_secret``."""
    return {"AML_VARIABLE_NAMES": json.dumps(sorted(variables))} if variables else {}


def _inner(environment: Environment) -> PythonEnvironment:
    """Return what is the runner's to prepare: the image around it is the target's."""
    return environment.python if isinstance(environment, DockerEnvironment) else environment


def _snapshot_file(step: Step, run: RunRecord) -> Path:
    """Return the snapshot as a local file: the cache's, one that is staged, the datastore's, or a download."""
    cached = step.context.home.joinpath("snapshots", f"{run.snapshot_digest}.zip")
    if cached.is_file():
        return cached
    directory = step.staging(run)
    target = directory / "snapshot.zip"
    if target.is_file():
        return target
    record = step.context.store.snapshots.find(run.workspace, run.snapshot_digest or "")
    if record is None:
        raise OperationFailedError(f"The snapshot of run {run.run_id} is gone.", "Submit the run again.")
    datastore = open_datastore(step.context, run.workspace, record.datastore)
    stored = datastore.local_path(record.path)
    if stored is not None and stored.is_file():
        return stored
    directory.mkdir(parents=True, exist_ok=True)
    part = directory / f"snapshot.{os.getpid()}.part"
    datastore.get(record.path, part)
    part.replace(target)
    return target
