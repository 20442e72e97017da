"""Submission happens exactly once, wherever the submitter is killed and however many there are."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aml_backends.local.backend import LocalBackend
from aml_backends.local.config import LocalConfig
from aml_plugins.compute import ComputeTarget, JobSpec, JobState, own_machine
from aml_plugins.compute.runner_bundle import runner_command
from aml_plugins.errors import BackendError, InvalidInputError
from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.jobs import make_job, wait_until, wait_until_ended

KEY = f"aml-{uuid.uuid4().hex}-1"  # tests at the same time must not end each other's jobs

# Kills itself with SIGKILL at the Nth call of the function MODULE.NAME, before or after it.
SUBMITTER = """
import importlib, os, signal, sys
from pathlib import Path
home, bundle, runner, module, name, when, calls = sys.argv[1:]
from aml_backends.local.backend import LocalBackend
from aml_backends.local.config import LocalConfig
from aml_plugins.compute import ComputeTarget, JobSpec

target = ComputeTarget(workspace="default", name="here", type="local", config=LocalConfig(), home=Path(home))
files = {"runner.pyz": Path(runner), **{n: Path(bundle) / n for n in ("job.json", "snapshot.zip")}}
spec = JobSpec(workspace="default", run_id="0" * 32, attempt=1, bundle=files)
if module:
    place = importlib.import_module(module)
    original, count = getattr(place, name), 0

    def deadly(*arguments, **options):
        global count
        count += 1
        if count == int(calls) and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if count == int(calls):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(place, name, deadly)
LocalBackend(target).submit(spec, "KEY")
""".replace("KEY", KEY)

WINDOWS = {
    "before the directory": ("os", "mkdir", "before", 1),
    "after the directory": ("os", "link", "before", 1),
    "between the files": ("os", "link", "after", 2),
    "before the start": ("aml_backends.local.backend", "start_detached", "before", 1),
    "after the start": ("aml_backends.local.backend", "start_detached", "after", 1),
    "nowhere": ("", "", "", 0),
}


@pytest.fixture
def count(tmp_path: Path) -> Path:
    return tmp_path / "count"


def counting(count: Path) -> str:
    return f"open({str(count)!r}, 'a').write('once\\n'); print('done')"


def run_submitter(home: Path, spec: JobSpec, window: tuple[str, str, str, int]) -> subprocess.CompletedProcess[bytes]:
    bundle, runner = spec.bundle["job.json"].parent, spec.bundle["runner.pyz"]
    command = [sys.executable, "-c", SUBMITTER, home, bundle, runner, *window]
    return subprocess.run(list(map(str, command)), check=False, capture_output=True)


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_a_killed_submitter_is_followed_by_another(
    backend: LocalBackend, tmp_path: Path, count: Path, window: tuple[str, str, str, int]
) -> None:
    spec = make_job(tmp_path, KEY, counting(count))
    done = run_submitter(backend.target.home, spec, window)
    assert done.returncode == (-signal.SIGKILL if window[0] else 0), done.stderr.decode()
    handle = backend.submit(spec, KEY)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert count.read_text() == "once\n"


def test_a_job_outlives_its_submitter(backend: LocalBackend, tmp_path: Path, count: Path) -> None:
    spec = make_job(tmp_path, KEY, "import time; time.sleep(1)\n" + counting(count))
    assert run_submitter(backend.target.home, spec, WINDOWS["nowhere"]).returncode == 0
    handle = backend.find(KEY)
    assert handle is not None
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert count.read_text() == "once\n"


def test_many_submitters_at_once_start_one_script(backend: LocalBackend, tmp_path: Path, count: Path) -> None:
    spec = make_job(tmp_path, KEY, counting(count))
    with ThreadPoolExecutor(8) as pool:
        handles = set(pool.map(lambda _: backend.submit(spec, KEY), range(8)))
    assert len(handles) == 1
    assert wait_until_ended(backend, handles.pop()).state is JobState.SUCCEEDED
    assert count.read_text() == "once\n"


def test_many_runners_at_once_run_one_script(backend: LocalBackend, tmp_path: Path, count: Path) -> None:
    spec = make_job(tmp_path, KEY, counting(count))
    handle = backend.submit(spec, KEY)
    directory = backend.target.home / "jobs" / KEY
    command = runner_command(sys.executable, directory / "runner.pyz", directory)
    runners = [subprocess.Popen(command) for _ in range(6)]
    assert [runner.wait() for runner in runners] == [0] * 6
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert count.read_text() == "once\n"


def test_a_job_cancelled_before_its_runner_started_never_runs(
    backend: LocalBackend, tmp_path: Path, count: Path
) -> None:
    spec = make_job(tmp_path, KEY, counting(count))
    run_submitter(backend.target.home, spec, WINDOWS["before the start"])
    handle = backend.find(KEY)
    assert handle is not None
    assert backend.status(handle).state is JobState.PENDING
    backend.cancel(handle)
    assert backend.status(handle).state is JobState.CANCELLED
    backend.submit(spec, KEY)
    assert backend.status(handle).state is JobState.CANCELLED
    assert not count.exists()


def test_a_job_that_nobody_ever_started_fails_for_good(
    backend: LocalBackend, tmp_path: Path, count: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_job(tmp_path, KEY, counting(count))
    run_submitter(backend.target.home, spec, WINDOWS["before the start"])
    handle = backend.find(KEY)
    assert handle is not None
    monkeypatch.setattr(LocalBackend, "start_grace_seconds", 0.0)
    status = backend.status(handle)
    assert (status.state, status.reason) == (JobState.FAILED, own_machine.NEVER_STARTED)
    backend.submit(spec, KEY)
    assert backend.status(handle) == status
    assert not count.exists()


@pytest.mark.parametrize("python", ["/nowhere/python", "/etc", __file__])
def test_a_dead_interpreter_is_refused_before_anything_is_made(tmp_path: Path, python: str) -> None:
    target = ComputeTarget(
        workspace="default", name="here", type="local", config=LocalConfig(python=python), home=tmp_path / "home"
    )
    backend = LocalBackend(target)
    with pytest.raises(BackendError, match="cannot be executed"):
        backend.submit(make_job(tmp_path, KEY, ""), KEY)
    assert backend.find(KEY) is None


@pytest.mark.parametrize("key", ["", "..", ".", "a/b", "../x"])
def test_a_key_cannot_leave_the_directory(backend: LocalBackend, tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInputError):
        backend.submit(make_job(tmp_path, KEY, ""), key)


def test_what_one_machine_cannot_do_is_refused(backend: LocalBackend, tmp_path: Path) -> None:
    bundle = make_job(tmp_path, KEY, "").bundle
    for asked in ({"node_count": 2}, {"spark": {}}):
        with pytest.raises(InvalidInputError):
            backend.plan(JobSpec(workspace="default", run_id="0" * 32, attempt=1, bundle=bundle, **asked), KEY)


def test_nothing_secret_is_on_disk_or_in_a_command_line(backend: LocalBackend, tmp_path: Path) -> None:
    secret = "s3cret-" + "x" * 20
    script = "import os, time; assert os.environ['TOKEN']; open('outputs/begun', 'w'); time.sleep(3600)"
    handle = backend.submit(make_job(tmp_path, KEY, script, environment_variables={"TOKEN": secret}), KEY)
    directory = backend.target.home / "jobs" / KEY
    wait_until((directory / "work" / "outputs" / "begun").exists)
    command_lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_of_job(KEY)]
    assert len(command_lines) == 2
    assert not any(secret.encode() in line for line in command_lines)
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert not any(secret.encode() in path.read_bytes() for path in files)
    backend.cancel(handle)
    wait_until_ended(backend, handle)


def test_a_runner_killed_before_its_first_word(backend: LocalBackend, tmp_path: Path, count: Path) -> None:
    spec = make_job(tmp_path, KEY, counting(count))
    run_submitter(backend.target.home, spec, WINDOWS["before the start"])
    handle = backend.find(KEY)
    assert handle is not None
    (backend.target.home / "jobs" / KEY / "started").touch()
    assert backend.status(handle).state is JobState.FAILED
    backend.submit(spec, KEY)
    assert backend.status(handle).state is JobState.FAILED
    assert not count.exists()
