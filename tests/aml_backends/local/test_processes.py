"""Nothing of a job survives its end, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from aml_backends.local.backend import LocalBackend
from aml_plugins.compute import JobHandle, JobState
from aml_plugins.runs.runner.claiming import lock_holder, script_of
from aml_plugins.runs.runner.processes import birth_of, processes_of_job
from aml_plugins.testing.jobs import is_running, make_job, wait_until, wait_until_ended

KEY = f"aml-{uuid.uuid4().hex}-1"  # tests at the same time must not end each other's jobs

# A child, a grandchild in a session of its own whose parent is gone, and one that also cleared its environment.
FAMILY = """
import os, pathlib, signal, subprocess, sys, time

def daemon(environment):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve(sys.executable, [sys.executable, "-c", SLEEP], environment)
        os._exit(0)
    os.wait()

SLEEP = '''
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open("outputs/pids", "a") as file:
    file.write(f"{os.getpid()}\\\\n")
time.sleep(3600)
'''
subprocess.Popen([sys.executable, "-c", SLEEP])
daemon(os.environ)
CLEARED
pids = pathlib.Path("outputs/pids")
while not pids.exists() or len(pids.read_text().splitlines()) < COUNT:
    time.sleep(0.01)
pathlib.Path("outputs/ready").touch()
END
"""
FOR_EVER = "time.sleep(3600)"


def family(*, cleared: bool, end: str) -> str:
    return (
        FAMILY.replace("CLEARED", "daemon({})" if cleared else "")
        .replace("COUNT", "3" if cleared else "2")
        .replace("END", end)
    )


def work_of(backend: LocalBackend) -> Path:
    return backend.target.home / "jobs" / KEY / "work"


def pids_of(backend: LocalBackend) -> list[int]:
    return [int(line) for line in (work_of(backend) / "outputs" / "pids").read_text().split()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if birth_of(pid) and not _is_zombie(pid)]


def _is_zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def start_family(backend: LocalBackend, tmp_path: Path, script: str, **job: object) -> JobHandle:
    handle = backend.submit(make_job(tmp_path, KEY, script, **job), KEY)
    wait_until((work_of(backend) / "outputs" / "ready").exists)
    return handle


def test_cancel_leaves_no_descendant(backend: LocalBackend, tmp_path: Path) -> None:
    handle = start_family(backend, tmp_path, family(cleared=True, end=FOR_EVER), grace_seconds=0.2)
    assert len(alive(pids_of(backend))) == 3
    backend.cancel(handle)
    assert wait_until_ended(backend, handle).state is JobState.CANCELLED
    assert alive(pids_of(backend)) == []


def test_time_limit_leaves_no_descendant(backend: LocalBackend, tmp_path: Path) -> None:
    script = family(cleared=True, end=FOR_EVER)
    handle = backend.submit(make_job(tmp_path, KEY, script, grace_seconds=0.2, time_limit_seconds=3.0), KEY)
    status = wait_until_ended(backend, handle)
    assert (status.state, status.reason) == (JobState.FAILED, "The script ran into its time limit of 3 seconds.")
    assert alive(pids_of(backend)) == []


def test_end_of_the_script_leaves_no_descendant(backend: LocalBackend, tmp_path: Path) -> None:
    handle = start_family(backend, tmp_path, family(cleared=True, end="print('bye')"), grace_seconds=0.2)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert alive(pids_of(backend)) == []


def test_a_killed_runner_takes_its_job_along(backend: LocalBackend, tmp_path: Path) -> None:
    handle = start_family(backend, tmp_path, family(cleared=False, end=FOR_EVER))
    runner, birth = lock_holder(str(work_of(backend).parent)) or (0, 0)
    assert birth_of(runner) == birth
    pids = pids_of(backend)
    assert len(alive(pids)) == 2
    os.kill(runner, signal.SIGKILL)
    status = wait_until_ended(backend, handle)
    assert status.state is JobState.FAILED
    assert "runner" in str(status.reason)
    wait_until(lambda: not alive(pids))
    assert processes_of_job(KEY) == []
    results = tmp_path / "results"
    results.mkdir()
    backend.fetch(handle, results)
    assert (results / "outputs" / "ready").exists()


@pytest.mark.parametrize("who", ["runner", "everybody"])
def test_a_job_that_its_machine_ends_was_not_cancelled(backend: LocalBackend, tmp_path: Path, who: str) -> None:
    """A machine that shuts down sends the signal of a cancellation: to the runner at least, as a rule to all."""
    script = "import os, pathlib, time; pathlib.Path('outputs/pids').write_text(str(os.getpid())); time.sleep(3600)"
    handle = backend.submit(make_job(tmp_path, KEY, script), KEY)
    wait_until(lambda: (work_of(backend) / "outputs" / "pids").exists() and bool(pids_of(backend)))
    runner, _ = lock_holder(str(work_of(backend).parent)) or (0, 0)
    os.kill(runner, signal.SIGTERM)
    if who == "everybody":
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids_of(backend)[0], signal.SIGTERM)
    status = wait_until_ended(backend, handle)
    assert (status.state, status.lost) == (JobState.FAILED, True)
    assert "its machine was shut down" in str(status.reason)


def test_a_killed_runner_is_never_followed_by_another(backend: LocalBackend, tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"import time; open({str(count)!r}, 'a').write('x'); time.sleep(3600)"
    spec = make_job(tmp_path, KEY, script)
    handle = backend.submit(spec, KEY)
    wait_until(lambda: count.exists() and bool(count.read_text()))
    runner, _ = lock_holder(str(work_of(backend).parent)) or (0, 0)
    os.kill(runner, signal.SIGKILL)
    backend.submit(spec, KEY)
    assert wait_until_ended(backend, handle).state is JobState.FAILED
    assert count.read_text() == "x"


def test_a_script_gets_its_grace(backend: LocalBackend, tmp_path: Path) -> None:
    script = """
import pathlib, signal, sys, time
def leave(*_):
    pathlib.Path("outputs/saved").write_text("state")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("begun", flush=True)
while True:
    time.sleep(60)
"""
    handle = backend.submit(make_job(tmp_path, KEY, script, grace_seconds=60), KEY)
    wait_until(lambda: backend.logs(handle).data == b"begun\n")
    backend.cancel(handle)
    assert wait_until_ended(backend, handle).state is JobState.CANCELLED
    assert (work_of(backend) / "outputs" / "saved").read_text() == "state"


def test_a_run_submitted_by_a_script_outlives_it(backend: LocalBackend, tmp_path: Path) -> None:
    """As any job outlives its submitter."""
    inner_key = f"aml-{uuid.uuid4().hex}-1"
    home = tmp_path / "inner"
    outer = f"""
import sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from aml_backends.local.backend import LocalBackend
from aml_backends.local.config import LocalConfig
from aml_plugins.compute import ComputeTarget
from aml_plugins.testing.jobs import make_job, wait_until
target = ComputeTarget(workspace="w", name="inner", type="local", config=LocalConfig(), home=Path({str(home)!r}))
inner = LocalBackend(target)
script = "import time, pathlib; pathlib.Path('outputs/begun').touch(); time.sleep(2); print('inner done')"
inner.submit(make_job(Path({str(tmp_path)!r}), {inner_key!r}, script), {inner_key!r})
wait_until((Path({str(home)!r}) / "jobs" / {inner_key!r} / "work/outputs/begun").exists)
"""
    handle = backend.submit(make_job(tmp_path, KEY, outer), KEY)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED, backend.logs(handle).data.decode()
    inner = LocalBackend(
        type(backend.target)(workspace="w", name="inner", type="local", config=backend.target.config, home=home)
    )
    found = inner.find(inner_key)
    assert found is not None
    assert wait_until_ended(inner, found).state is JobState.SUCCEEDED
    inner.cleanup(found)


def test_no_zombie_is_left_in_the_submitter(backend: LocalBackend, tmp_path: Path) -> None:
    handle = backend.submit(make_job(tmp_path, KEY, "print('hi')"), KEY)
    wait_until_ended(backend, handle)
    time.sleep(0.1)
    assert zombies_of(os.getpid()) == []


def zombies_of(parent: int) -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, above = stat.read_text().rpartition(")")[2].split()[:2]
            if (state, int(above)) == ("Z", parent):
                found.append(stat.parent.name)
    return found


def test_a_recycled_process_id_is_not_signalled(backend: LocalBackend, tmp_path: Path) -> None:
    """The runner's id now belongs to another process: it stays alive."""
    handle = backend.submit(make_job(tmp_path, KEY, FOR_EVER.join(["import time; ", ""])), KEY)
    wait_until(lambda: is_running(backend, handle))
    directory = work_of(backend).parent
    runner, birth = lock_holder(str(directory)) or (0, 0)
    wait_until(lambda: script_of(str(directory)) is not None and (directory / "status.json").is_file())
    script, begun = script_of(str(directory)) or (0, 0)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
    try:
        os.kill(runner, signal.SIGKILL)
        wait_until(lambda: not alive([runner]))
        (directory / "lock").write_text(f"{bystander.pid} {birth} {bystander.pid} {begun}")
        status = (directory / "status.json").read_text()
        (directory / "status.json").write_text(status.replace(str(script), str(bystander.pid)))
        backend.cancel(handle)
        assert wait_until_ended(backend, handle).state is JobState.FAILED
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_signals_are_as_in_any_process(backend: LocalBackend, tmp_path: Path) -> None:
    """Whatever shell, runner and submitter ignore or handle."""
    script = """
import signal
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
for name in ("SIGTERM", "SIGQUIT", "SIGHUP", "SIGCHLD"):
    assert signal.getsignal(getattr(signal, name)) is signal.SIG_DFL, name
assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
"""
    handle = backend.submit(make_job(tmp_path, KEY, script), KEY)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED, backend.logs(handle).data.decode()
