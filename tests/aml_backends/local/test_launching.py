"""Runners that a launcher starts are those that the slow way starts; without a launcher, the slow way remains."""

from __future__ import annotations

import os
import select
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aml_backends.local.backend import LocalBackend
from aml_plugins.compute import JobHandle, JobState
from aml_plugins.runs.runner.claiming import lock_holder
from aml_plugins.testing.jobs import make_job, wait_until, wait_until_ended

Submit = Callable[[str], JobHandle]


@pytest.fixture
def submit(backend: LocalBackend, tmp_path: Path) -> Iterator[Submit]:
    """Submit a script; the first job, which needs no launcher, has been one already."""

    def submitting(script: str, **variables: str) -> JobHandle:
        key = f"aml-{uuid.uuid4().hex}-1"
        return backend.submit(make_job(tmp_path, key, script, environment_variables=variables), key)

    wait_until_ended(backend, submitting("pass"))
    yield submitting
    backend.close()


def runner_of(backend: LocalBackend, handle: JobHandle) -> int:
    directory = str(backend.target.home / "jobs" / handle.job_id)
    wait_until(lambda: lock_holder(directory) is not None)
    holder = lock_holder(directory)
    assert holder is not None
    return holder[0]


def field(pid: int, number: int) -> int:
    """Return a field of ``/proc/PID/stat`` after the command's name: 1 is the parent, 3 the session."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[number])


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def launcher_of(backend: LocalBackend, handle: JobHandle) -> int:
    return field(runner_of(backend, handle), 1)


def test_later_jobs_share_a_launcher(backend: LocalBackend, submit: Submit) -> None:
    handles = [submit("import time; time.sleep(1)") for _ in range(2)]
    launchers = {launcher_of(backend, handle) for handle in handles}

    assert len(launchers) == 1
    assert "aml_runner.launcher" in command(launchers.pop())
    assert [wait_until_ended(backend, handle).state for handle in handles] == [JobState.SUCCEEDED] * 2


def test_who_got_ready_has_a_launcher_for_the_first_job(backend: LocalBackend, tmp_path: Path) -> None:
    key = f"aml-{uuid.uuid4().hex}-1"
    job = make_job(tmp_path, key, "import time; time.sleep(1)")
    backend.get_ready(job.bundle["runner.pyz"])
    handle = backend.submit(job, key)
    launcher = launcher_of(backend, handle)
    assert "aml_runner.launcher" in command(launcher)
    backend.close()

    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    wait_until(lambda: not Path(f"/proc/{launcher}").exists())


def test_who_could_not_get_ready_starts_jobs_as_ever(backend: LocalBackend, tmp_path: Path) -> None:
    key = f"aml-{uuid.uuid4().hex}-1"
    backend.get_ready(tmp_path / "not-there.pyz")
    handle = backend.submit(make_job(tmp_path, key, "pass"), key)

    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED


def test_a_launched_runner_has_its_own_session_directory_and_variables(
    backend: LocalBackend, submit: Callable[..., JobHandle]
) -> None:
    script = "import os, sys; print(os.environ['ONLY_HERE'], 'OTHER' in os.environ, os.environ['AML_JOB_KEY'])"
    first = submit("import time; time.sleep(0.5)", OTHER="1")
    runner = runner_of(backend, first)
    handle = submit(script, ONLY_HERE="geheim")

    assert field(runner, 3) not in {os.getsid(0), field(launcher_of(backend, first), 3)}
    assert b"geheim" not in Path(f"/proc/{runner}/environ").read_bytes()
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert backend.logs(handle).data == f"geheim False {handle.job_id}\n".encode()


def test_a_killed_launcher_takes_no_job_along_and_is_replaced(backend: LocalBackend, submit: Submit) -> None:
    running = submit("import time; time.sleep(1)")
    launcher = launcher_of(backend, running)
    os.kill(launcher, signal.SIGKILL)
    direct, later = submit("pass"), submit("import time; time.sleep(0.5)")

    assert launcher_of(backend, later) != launcher
    for handle in (running, direct, later):
        assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED


def test_a_stopped_launcher_does_not_hold_submissions_up(
    backend: LocalBackend, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aml_backends.local.launching.ANSWER_SECONDS", 0.2)
    launcher = launcher_of(backend, submit("import time; time.sleep(0.5)"))
    os.kill(launcher, signal.SIGSTOP)
    try:
        assert wait_until_ended(backend, submit("pass")).state is JobState.SUCCEEDED
    finally:
        os.kill(launcher, signal.SIGCONT)


def test_the_launcher_ends_with_its_submitter_and_the_jobs_go_on(backend: LocalBackend, submit: Submit) -> None:
    handle = submit("import time; time.sleep(1)")
    launcher = launcher_of(backend, handle)
    backend.close()

    wait_until(lambda: not Path(f"/proc/{launcher}").exists())
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED


def test_a_fork_of_the_submitter_gets_a_launcher_of_its_own(backend: LocalBackend, submit: Submit) -> None:
    ours = launcher_of(backend, submit("import time; time.sleep(0.5)"))
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, str(launcher_of(backend, submit("import time; time.sleep(0.5)"))).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

    assert int(os.read(read, 20)) not in {ours, 0}
    assert launcher_of(backend, submit("import time; time.sleep(0.5)")) == ours


def test_the_end_of_a_job_wakes_those_who_watch_it(backend: LocalBackend, submit: Submit) -> None:
    quick, slow = submit("import time; time.sleep(0.3)"), submit("import time; time.sleep(30)")
    for handle in (quick, slow):
        runner_of(backend, handle)
    wakers = backend.wakers([quick, slow])
    readable, _, _ = select.select(wakers, [], [], 10)
    for descriptor in wakers:
        os.close(descriptor)

    assert len(wakers) == 2
    assert readable == wakers[:1]
    assert backend.status(quick).state is JobState.SUCCEEDED
    assert backend.wakers([quick]) == []
