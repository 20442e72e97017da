"""The backend behind the compute target type ``test``; imported when a target of it is first used."""

from __future__ import annotations

from pathlib import Path

from aml_plugins.compute import ComputeBackend, JobHandle, JobPlan, JobSpec, JobState, JobStatus


class TestBackend(ComputeBackend):
    """Every job succeeds at once."""

    type_name = "test"

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        return JobPlan("test", {"key": key})

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        return JobHandle(backend="test", target=self.target.name, job_id=key)

    def find(self, key: str) -> JobHandle | None:
        return None

    def status(self, handle: JobHandle) -> JobStatus:
        return JobStatus(state=JobState.SUCCEEDED, native_state="done")

    def cancel(self, handle: JobHandle) -> None:
        """Nothing runs."""

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        """Nothing is left."""

    def cleanup(self, handle: JobHandle) -> None:
        """Nothing is left."""
