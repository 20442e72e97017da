"""The clock and the backend of pretence keep the same contract as a real one, by a clock that tests move."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins.compute import JobHandle, JobSpec, JobState
from aml_plugins.errors import InvalidInputError, JobNotFoundError, TransientBackendError
from aml_plugins.testing import FakeBackend, FakeClock, FakeJob
from aml_plugins.testing.contract.base import fetched

SPEC = JobSpec(workspace="default", run_id="0" * 32, attempt=1, bundle={}, environment_variables={"TOKEN": "hunter2"})
KEY = "aml-1-1"


def test_a_job_lives_by_the_clock(fake_backend: FakeBackend, fake_clock: FakeClock) -> None:
    fake_backend.job = FakeJob(pending=5, running=10, log=b"hello\n")
    handle = fake_backend.submit(SPEC, KEY)
    seen = []
    for seconds in (0, 5, 10):
        fake_clock.advance(seconds)
        seen.append((fake_backend.status(handle).state, fake_backend.logs(handle).data))
    assert seen == [
        (JobState.PENDING, b""),
        (JobState.RUNNING, b"hello\n"),
        (JobState.SUCCEEDED, b"hello\n"),
    ]


def test_a_job_that_begins_again_has_a_log_of_its_own(fake_backend: FakeBackend) -> None:
    fake_backend.job = FakeJob(running=10, log=b"hello\n")
    handle = fake_backend.submit(SPEC, KEY)
    first = fake_backend.logs(handle)
    fake_backend.begin_again(handle, FakeJob(running=10, log=b"hello again\n"))
    chunk = fake_backend.logs(handle, first.cursor)
    assert (chunk.data, fake_backend.logs(handle, chunk.cursor).data) == (b"hello again\n", b"")
    assert chunk.generation not in {0, first.generation}
    assert fake_backend.status(handle).generation == chunk.generation


def test_the_same_key_is_the_same_job(fake_backend: FakeBackend, fake_clock: FakeClock) -> None:
    fake_backend.job = FakeJob(running=10)
    handle = fake_backend.submit(SPEC, KEY)
    fake_clock.advance(11)
    assert fake_backend.submit(SPEC, KEY) == handle == fake_backend.find(KEY)
    assert fake_backend.status(handle).state is JobState.SUCCEEDED
    assert list(fake_backend.list_jobs()) == [handle]


def test_jobs_may_differ_and_leave_files(fake_backend: FakeBackend, tmp_path: Path) -> None:
    fake_backend.jobs[KEY] = FakeJob(
        outcome=JobState.FAILED, exit_code=3, reason="No luck.", files={"outputs/a/b": b"1"}, log=b"bye\n"
    )
    handle = fake_backend.submit(SPEC, KEY)
    status = fake_backend.status(handle)
    assert (status.state, status.exit_code, status.reason) == (JobState.FAILED, 3, "No luck.")
    results = fetched(fake_backend, handle, tmp_path)
    assert (results / "outputs" / "a" / "b").read_bytes() == b"1"
    assert (results / "logs" / "std_log.txt").read_bytes() == b"bye\n"


def test_cancel_and_cleanup(fake_backend: FakeBackend, fake_clock: FakeClock) -> None:
    missing = JobHandle("fake", "pretence", "aml-nothing-1")
    fake_backend.cancel(missing)
    fake_backend.cleanup(missing)
    with pytest.raises(JobNotFoundError):
        fake_backend.status(missing)
    fake_backend.job = FakeJob(running=10)
    handle = fake_backend.submit(SPEC, KEY)
    fake_backend.cancel(handle)
    fake_clock.advance(20)
    assert fake_backend.status(handle).state is JobState.CANCELLED
    fake_backend.cleanup(handle)
    fake_backend.cleanup(handle)
    assert fake_backend.find(KEY) is None


def test_trouble_is_what_callers_get(fake_backend: FakeBackend) -> None:
    handle = fake_backend.submit(SPEC, KEY)
    fake_backend.trouble = TransientBackendError("The target is away.")
    with pytest.raises(TransientBackendError):
        fake_backend.status(handle)
    assert isinstance(fake_backend.statuses([handle])[handle], TransientBackendError)
    fake_backend.trouble = None
    assert fake_backend.status(handle).state is JobState.SUCCEEDED
    assert fake_backend.calls == ["submit", "status", "status", "status"]


def test_a_plan_shows_no_secret(fake_backend: FakeBackend) -> None:
    assert "hunter2" not in repr(fake_backend.plan(SPEC, KEY))
    with pytest.raises(InvalidInputError):
        fake_backend.plan(SPEC, "../x")


def test_time_does_not_go_back(fake_clock: FakeClock) -> None:
    fake_clock.sleep(2)
    assert fake_clock.monotonic() == 2
    assert fake_clock.time() == 1_000_000_002
    with pytest.raises(ValueError, match="back"):
        fake_clock.advance(-1)
