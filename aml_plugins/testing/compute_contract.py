"""What every compute backend must pass."""

# ruff: noqa: S101
# (these are tests, if in a package)

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from aml_plugins.compute import ComputeBackend, JobHandle, JobState, SupportsListing, SupportsLogs, SupportsRecords
from aml_plugins.errors import JobNotFoundError
from aml_plugins.testing.jobs import clean_up, is_running, make_job, wait_until, wait_until_ended

__all__ = ["ComputeBackendContract"]

SECRET = "hunter2-hunter2"  # noqa: S105  it is looked for where it must not be
HEAVY = ("mlflow", "airflow", "azure", "kubernetes", "boto3", "rattler")

GREETING = """
import os, pathlib, sys
print("hello", *sys.argv[1:], flush=True)
pathlib.Path("outputs/result.txt").write_text("done")
pathlib.Path("logs/own.log").write_text("mine")
pathlib.Path("outputs/run_id.txt").write_text(os.environ["AML_RUN_ID"])
"""
FAILING = "import sys; print('about to fail'); sys.exit(3)"
ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"


class ComputeBackendContract:
    """Inherit, provide the fixture ``backend`` (and ``factory_module``), and run pytest.

    ::

        class TestMyBackend(ComputeBackendContract):
            factory_module = "my_plugin.backend"

            @pytest.fixture
            def backend(self, tmp_path):
                ...
                yield MyBackend(target)

    Jobs are tiny Python scripts; a target without Python on it cannot pass.
    """

    factory_module: str
    """The module that has the backend's class."""
    patience: float = 120.0
    """Seconds that a job may take from submission to its end."""

    @pytest.fixture
    @abstractmethod
    def backend(self) -> Iterator[ComputeBackend]:
        """Yield a backend on a target that is ready."""
        raise NotImplementedError

    @pytest.fixture
    def key(self, backend: ComputeBackend) -> Iterator[str]:
        """A submission key; what was submitted under it is gone after the test."""
        key = f"aml-{uuid.uuid4().hex}-1"
        yield key
        handle = backend.find(key)
        if handle is not None:
            clean_up(backend, handle, self.patience)

    def test_submit_runs_the_script_and_fetch_brings_everything(
        self, backend: ComputeBackend, key: str, tmp_path: Path
    ) -> None:
        handle = backend.submit(make_job(tmp_path, key, GREETING, arguments=["--who", "you there"]), key)
        status = wait_until_ended(backend, handle, self.patience)
        assert (status.state, status.exit_code) == (JobState.SUCCEEDED, 0)
        results = _fetch(backend, handle, tmp_path)
        assert (results / "outputs" / "result.txt").read_text() == "done"
        assert (results / "outputs" / "run_id.txt").read_text() == key[4:36]
        assert (results / "logs" / "own.log").read_text() == "mine"
        assert "hello --who you there" in (results / "logs" / "std_log.txt").read_text()

    def test_fetch_twice(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, GREETING), key)
        wait_until_ended(backend, handle, self.patience)
        for _ in range(2):
            assert (_fetch(backend, handle, tmp_path) / "outputs" / "result.txt").read_text() == "done"

    def test_submit_is_idempotent_on_key(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        spec = make_job(tmp_path, key, "print('once', flush=True)")
        handles = {backend.submit(spec, key) for _ in range(3)}
        assert len(handles) == 1
        handle = handles.pop()
        wait_until_ended(backend, handle, self.patience)
        assert backend.submit(spec, key) == handle
        assert (_fetch(backend, handle, tmp_path) / "logs" / "std_log.txt").read_text().count("once") == 1

    def test_find_recovers_a_handle_that_was_never_persisted(
        self, backend: ComputeBackend, key: str, tmp_path: Path
    ) -> None:
        assert backend.find(key) is None
        handle = backend.submit(make_job(tmp_path, key, GREETING), key)
        assert backend.find(key) == handle

    def test_handle_survives_json(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, GREETING), key)
        assert JobHandle.from_dict(json.loads(json.dumps(handle.to_dict()))) == handle

    def test_secrets_reach_the_script_and_nothing_else(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        script = "import hashlib, os; print(hashlib.sha256(os.environ['TOKEN'].encode()).hexdigest())"
        spec = make_job(tmp_path, key, script, environment_variables={"TOKEN": SECRET})
        assert SECRET not in repr(backend.plan(spec, key))
        handle = backend.submit(spec, key)
        assert SECRET not in json.dumps(handle.to_dict())
        assert SECRET not in repr(wait_until_ended(backend, handle, self.patience))
        log = (_fetch(backend, handle, tmp_path) / "logs" / "std_log.txt").read_text()
        assert _sha256(SECRET) in log

    def test_a_failing_script_is_a_status(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, FAILING), key)
        status = wait_until_ended(backend, handle, self.patience)
        assert (status.state, status.exit_code) == (JobState.FAILED, 3)
        assert status.reason
        assert "about to fail" in (_fetch(backend, handle, tmp_path) / "logs" / "std_log.txt").read_text()

    def test_cancel_is_idempotent(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
        wait_until(lambda: is_running(backend, handle), self.patience)
        backend.cancel(handle)
        backend.cancel(handle)
        assert wait_until_ended(backend, handle, self.patience).state is JobState.CANCELLED
        backend.cancel(handle)

    def test_cancel_right_after_submit(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
        backend.cancel(handle)
        assert wait_until_ended(backend, handle, self.patience).state is JobState.CANCELLED

    def test_cancel_and_cleanup_of_a_missing_job_are_silent(self, backend: ComputeBackend, key: str) -> None:
        missing = JobHandle(backend.type_name, backend.target.name, key)
        backend.cancel(missing)
        clean_up(backend, missing, self.patience)

    def test_status_of_a_missing_job(self, backend: ComputeBackend, key: str) -> None:
        missing = JobHandle(backend.type_name, backend.target.name, key)
        with pytest.raises(JobNotFoundError):
            backend.status(missing)
        assert isinstance(backend.statuses([missing])[missing], JobNotFoundError)

    def test_cleanup_twice(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, GREETING), key)
        wait_until_ended(backend, handle, self.patience)
        clean_up(backend, handle, self.patience)
        clean_up(backend, handle, self.patience)
        assert backend.find(key) is None

    def test_cleanup_ends_what_runs(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
        wait_until(lambda: is_running(backend, handle), self.patience)
        clean_up(backend, handle, self.patience)
        assert backend.find(key) is None

    def test_one_sick_job_does_not_hide_the_others(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, GREETING), key)
        missing = JobHandle(backend.type_name, backend.target.name, f"aml-{uuid.uuid4().hex}-1")
        wait_until_ended(backend, handle, self.patience)
        seen = backend.statuses([missing, handle])
        assert seen[handle] == backend.status(handle)
        assert isinstance(seen[missing], JobNotFoundError)

    def test_astatuses_agrees_with_statuses(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        handle = backend.submit(make_job(tmp_path, key, GREETING), key)
        wait_until_ended(backend, handle, self.patience)
        assert asyncio.run(backend.astatuses([handle])) == backend.statuses([handle])

    def test_plan_is_pure_and_deterministic(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        spec = make_job(tmp_path, key, GREETING)
        assert backend.plan(spec, key) == backend.plan(spec, key)
        json.dumps(backend.plan(spec, key).request)
        assert backend.find(key) is None

    def test_logs_grow_with_a_cursor(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        if not isinstance(backend, SupportsLogs):
            pytest.skip("the backend cannot show logs of running jobs")
        logs = backend
        handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
        wait_until(lambda: bool(logs.logs(handle).data), self.patience)
        chunk = logs.logs(handle)
        assert chunk.data == b"begun\n"
        assert logs.logs(handle, chunk.cursor).data == b""
        assert logs.logs(handle, chunk.cursor).cursor == chunk.cursor

    def test_records_are_whole_lines(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        if not isinstance(backend, SupportsRecords):
            pytest.skip("the backend cannot show records of running jobs")
        records = backend
        script = """
import os, time
with open(os.environ["AML_RECORDS"], "w") as file:
    file.write('{"a": 1}\\n{"b":')
    file.flush()
    print("written", flush=True)
    time.sleep(3600)
"""
        handle = backend.submit(make_job(tmp_path, key, script), key)
        wait_until(lambda: bool(records.records(handle).data), self.patience)
        chunk = records.records(handle)
        assert chunk.data == b'{"a": 1}\n'
        assert records.records(handle, chunk.cursor).data == b""

    def test_jobs_are_listed(self, backend: ComputeBackend, key: str, tmp_path: Path) -> None:
        if not isinstance(backend, SupportsListing):
            pytest.skip("the backend cannot list its jobs")
        handle = backend.submit(make_job(tmp_path, key, GREETING), key)
        assert handle in list(backend.list_jobs())
        wait_until_ended(backend, handle, self.patience)

    def test_check_says_something(self, backend: ComputeBackend) -> None:
        assert backend.check()

    def test_close_twice(self, backend: ComputeBackend) -> None:
        backend.close()
        backend.close()

    def test_import_loads_nothing_heavy(self) -> None:
        program = f"import sys, {self.factory_module}; print([m for m in {HEAVY} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


def _fetch(backend: ComputeBackend, handle: JobHandle, tmp_path: Path) -> Path:
    results = tmp_path / f"results-{uuid.uuid4().hex}"
    results.mkdir()
    backend.fetch(handle, results)
    return results


def _sha256(text: str) -> str:
    import hashlib  # noqa: PLC0415  in one test

    return hashlib.sha256(text.encode()).hexdigest()
