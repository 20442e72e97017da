"""Small real jobs for tests of compute backends."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aml_plugins.compute import ComputeBackend, JobHandle, JobSpec, JobState, JobStatus
from aml_plugins.compute.runner_bundle import runner_file, write_job_file
from aml_plugins.errors import NotYetDoneError
from aml_plugins.testing.waiting import PATIENCE_SECONDS, wait_until

__all__ = ["clean_up", "make_job", "wait_until", "wait_until_ended"]


def make_job(
    directory: Path,
    key: str,
    program: str,
    *,
    arguments: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
    environment_variables: Mapping[str, str] | None = None,
    snapshot: Path | None = None,
    **job: Any,
) -> JobSpec:
    """Write the bundle of a job that runs ``program``, the text of a Python script; return its specification.

    :param directory: for the bundle.
    :param files: more files for the snapshot.
    :param snapshot: take this archive in place of one made from ``program`` and ``files``.
    :param job: more values for ``job.json``, as :func:`~aml_plugins.compute.runner_bundle.write_job_file` takes them.
    """
    bundle = directory / f"bundle-{key}"
    bundle.mkdir(parents=True, exist_ok=True)
    archive = snapshot or _snapshot(bundle / "snapshot.zip", {"train.py": program.encode(), **(files or {})})
    values: dict[str, Any] = {
        "run_id": key.rpartition("-")[0][-32:] or key,
        "experiment": "tests",
        "script": "train.py",
        "arguments": arguments,
        **job,
    }
    values.setdefault("snapshot_digest", _digest(archive))
    write_job_file(bundle / "job.json", key=key, **values)
    return JobSpec(
        workspace="default",
        run_id=values["run_id"],
        attempt=1,
        bundle={"runner.pyz": runner_file(directory), "job.json": bundle / "job.json", "snapshot.zip": archive},
        environment_variables=environment_variables or {},
        time_limit_seconds=values.get("time_limit_seconds"),
    )


def wait_until_ended(backend: ComputeBackend, handle: JobHandle, patience: float = PATIENCE_SECONDS) -> JobStatus:
    """Poll a job until it has ended; return its last status."""
    wait_until(lambda: backend.status(handle).state.is_terminal, patience)
    return backend.status(handle)


def clean_up(backend: ComputeBackend, handle: JobHandle, patience: float = PATIENCE_SECONDS) -> None:
    """Clean up after a job, calling again as often as the backend asks for."""

    def cleaned() -> bool:
        try:
            backend.cleanup(handle)
        except NotYetDoneError:
            return False
        return True

    wait_until(cleaned, patience)


def is_running(backend: ComputeBackend, handle: JobHandle) -> bool:
    """Return whether the job's script has started."""
    status = backend.status(handle)
    return status.state is JobState.RUNNING and not status.preparing


def _snapshot(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _digest(snapshot: Path) -> str:
    from aml_plugins.runs.snapshot import content_digest  # noqa: PLC0415  it loads the fast compressor

    return content_digest(snapshot)
