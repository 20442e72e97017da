"""A runner takes job after job: none sees another, and no signal of one reaches the next."""

from __future__ import annotations

import json
import os
import select
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aml_backends.local.backend import LocalBackend
from aml_plugins.compute import JobHandle, JobState
from aml_plugins.runs.runner.claiming import lock_holder
from aml_plugins.testing.jobs import make_job, wait_until, wait_until_ended

Submit = Callable[..., JobHandle]
RUNNER = "import os; print(os.getppid(), flush=True)\n"
UNTIL_TOLD = RUNNER + "import sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)"
SHOW = """
import json, os, resource
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if line.startswith("Sig"))
del status["SigQ"]
files = {name: os.readlink("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd") if name in "012"}
print(json.dumps({
    "runner": os.getppid(), "variables": dict(os.environ), "directory": os.getcwd(), "files": files,
    "descriptors": len(os.listdir("/proc/self/fd")), "umask": os.umask(0), "signals": status,
    "leads": os.getsid(0) == os.getpgrp() == os.getpid(), "nice": os.nice(0),
    "limits": [resource.getrlimit(limit) for limit in range(8)],
}))
"""


@pytest.fixture
def submit(backend: LocalBackend, tmp_path: Path) -> Iterator[Submit]:
    """Submit a script to runners of a launcher."""

    def submitting(script: str, variables: dict[str, str] | None = None, **job: Any) -> JobHandle:
        key = f"aml-{uuid.uuid4().hex}-1"
        spec = make_job(tmp_path, key, script, environment_variables=variables, **job)
        backend.get_ready(spec.bundle["runner.pyz"])
        return backend.submit(spec, key)

    yield submitting
    backend.close()


def said(backend: LocalBackend, handle: JobHandle) -> str:
    wait_until(lambda: backend.logs(handle).data.endswith(b"\n"))
    return backend.logs(handle).data.decode()


def directory_of(backend: LocalBackend, handle: JobHandle) -> Path:
    return backend.target.home / "jobs" / handle.job_id


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def waits(pid: int) -> bool:
    """Return whether a runner waits for its next job: without the pipe that tells of an end, nothing else is asleep."""
    try:
        asleep = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("S")
        return asleep and not os.path.lexists(f"/proc/{pid}/fd/60")
    except FileNotFoundError:
        return False


def runner_after(backend: LocalBackend, handle: JobHandle) -> int:
    """Return the runner of a job that says which it has, when it has ended and the runner waits again."""
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED, backend.logs(handle).data.decode()
    runner = int(said(backend, handle))
    wait_until(lambda: waits(runner))
    return runner


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def files_of(pid: int) -> Counter[str]:
    """Return how often a process has which file open, or as its directory."""
    links = [*Path(f"/proc/{pid}/fd").iterdir(), Path(f"/proc/{pid}/cwd")]
    return Counter(str(link.readlink()) for link in links)


def test_as_many_runners_stay_as_ever_ran_at_once(backend: LocalBackend, submit: Submit, tmp_path: Path) -> None:
    runners = [
        set(at_once(backend, submit, tmp_path / name, number)) for name, number in (("a", 3), ("b", 2), ("c", 3))
    ]

    assert runners[0] == runners[2] > runners[1]
    assert len(runners[0]) == 3


def test_a_launcher_has_more_runners_than_low_descriptors(
    backend: LocalBackend, submit: Submit, tmp_path: Path
) -> None:
    """The number under which a runner shows its pipe is never one of those that it already has."""
    runners = at_once(backend, submit, tmp_path / "told", 31)

    assert len(set(runners)) == 31
    assert at_once(backend, submit, tmp_path / "told", 1)[0] in runners


def at_once(backend: LocalBackend, submit: Submit, told: Path, number: int) -> list[int]:
    """Run so many jobs at the same time; return their runners, which then wait."""
    handles = [submit(UNTIL_TOLD, arguments=[str(told)]) for _ in range(number)]
    for handle in handles:
        said(backend, handle)
    told.touch()
    runners = [runner_after(backend, handle) for handle in handles]
    for handle in handles:
        backend.cleanup(handle)  # here it is known that nothing is left to be looked for
    return runners


def test_a_job_sees_nothing_of_the_one_before(backend: LocalBackend, submit: Submit) -> None:
    handles = []
    for variables in ({"SECRET": "geheim", "BOTH": "1"}, {"BOTH": "2", "MINE": "3"}):
        handles.append(submit(SHOW, variables))
        assert wait_until_ended(backend, handles[-1]).state is JobState.SUCCEEDED
        runner = json.loads(said(backend, handles[-1]))["runner"]
        wait_until(lambda pid=runner: waits(pid))
    first, second = (json.loads(said(backend, handle)) for handle in handles)

    before, now = first.pop("variables"), second.pop("variables")
    assert (before["SECRET"], before["BOTH"]) == ("geheim", "1")
    assert (now["BOTH"], now["MINE"], now["AML_JOB_KEY"]) == ("2", "3", handles[1].job_id)
    assert now.keys() == before.keys() - {"SECRET"} | {"MINE"}
    assert handles[0].job_id not in str(now)
    for shown, handle in ((first, handles[0]), (second, handles[1])):
        job = directory_of(backend, handle)
        assert shown.pop("directory") == str(job / "work")
        assert shown.pop("files") == {"0": "/dev/null", "1": str(job / "std_log.txt"), "2": str(job / "std_log.txt")}
    assert second == first
    assert first["leads"]


def test_a_waiting_runner_holds_nothing_of_a_job(backend: LocalBackend, submit: Submit) -> None:
    runner = runner_after(backend, submit(RUNNER, {"SECRET": "geheim"}))
    files = files_of(runner)
    assert not [name for name in files if name.startswith(str(backend.target.home / "jobs"))]
    assert "snapshot.zip" not in Path(f"/proc/{runner}/maps").read_text()
    assert b"geheim" not in Path(f"/proc/{runner}/environ").read_bytes()

    assert [runner_after(backend, submit(RUNNER)) for _ in range(2)] == [runner] * 2
    assert files_of(runner) == files


def test_memory_does_not_grow(backend: LocalBackend, submit: Submit) -> None:
    def resident(pid: int) -> int:
        """Return kilobytes that are this process's alone."""
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))

    def after(jobs: int) -> int:
        for number in range(jobs):
            handle = submit(RUNNER, {"NUMBER": str(number), "LONG": uuid.uuid4().hex * 50})
            assert runner_after(backend, handle) == runner
            backend.cleanup(handle)
        return resident(runner)

    runner = runner_after(backend, submit(RUNNER))
    before = after(100)
    assert after(900) - before < 100


@pytest.mark.parametrize("how", ["closed", "killed"])
def test_a_waiting_runner_ends_with_its_launcher_while_another_works(
    backend: LocalBackend, submit: Submit, tmp_path: Path, how: str
) -> None:
    """The other one, which came later, has none of the launcher's descriptors."""
    told, quick = tmp_path / "told", submit(UNTIL_TOLD, arguments=[str(tmp_path / "at once")])
    slow = submit(UNTIL_TOLD, arguments=[str(told)])
    busy = int(said(backend, slow))
    (tmp_path / "at once").touch()
    waiting = runner_after(backend, quick)
    if how == "closed":
        backend.close()
    else:
        os.kill(parent_of(busy), signal.SIGKILL)

    wait_until(lambda: not is_there(waiting))
    assert is_there(busy)
    told.touch()
    assert wait_until_ended(backend, slow).state is JobState.SUCCEEDED
    wait_until(lambda: not is_there(busy))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_job_after_the_end_of_a_waiting_runner_gets_another(
    backend: LocalBackend, submit: Submit, number: signal.Signals
) -> None:
    """At once: while the first one dies, too."""
    runner = runner_after(backend, submit(RUNNER))
    os.kill(runner, number)
    following = submit(RUNNER)

    assert runner_after(backend, following) != runner
    assert not is_there(runner)


def test_a_runner_that_is_killed_with_its_second_job_loses_this_one_alone(
    backend: LocalBackend, submit: Submit, tmp_path: Path
) -> None:
    runner = runner_after(backend, submit(RUNNER))
    script = "import os, time; print(os.getppid(), os.getpid(), flush=True); time.sleep(3600)"
    second = submit(script)
    again, pid = map(int, said(backend, second).split())
    assert again == runner
    os.kill(runner, signal.SIGKILL)

    wait_until(lambda: not is_there(pid))
    status = wait_until_ended(backend, second)
    assert (status.state, status.lost) == (JobState.FAILED, True)
    assert runner_after(backend, submit(RUNNER)) != runner


def test_a_killed_runner_takes_the_group_of_its_script_along_before_anybody_looks(
    backend: LocalBackend, submit: Submit
) -> None:
    script = """
import os, time
child = os.fork()
if child:
    print(os.getppid(), os.getpid(), child, flush=True)
time.sleep(3600)
"""
    handle = submit(script)
    runner, parent, child = map(int, said(backend, handle).split())
    os.kill(runner, signal.SIGKILL)

    wait_until(lambda: not is_there(parent) and not is_there(child))
    assert wait_until_ended(backend, handle).lost


LEAVES_ANOTHERS = """
import os, subprocess, sys
sleep = [sys.executable, "-c", "import time; time.sleep(3600)"]
child = subprocess.Popen(sleep, env={**os.environ, "AML_JOB_KEY": "another"}, start_new_session=True)
open("outputs/pid", "w").write(str(child.pid))
"""
IN_ITS_GROUP = LEAVES_ANOTHERS.replace("start_new_session=True", "close_fds=False")
SAYS_CANCEL = "open(os.environ['AML_JOB_DIRECTORY'] + '/cancel', 'w').close()"
ENDS_RUNNER = "import signal; os.kill(os.getppid(), signal.SIGTERM)"


@pytest.mark.parametrize(
    ("script", "job", "state"),
    [
        ("", {"snapshot_digest": "0" * 64}, JobState.FAILED),
        ("import time; time.sleep(3600)", {"time_limit_seconds": 0.2, "grace_seconds": 0.1}, JobState.FAILED),
        (LEAVES_ANOTHERS, {}, JobState.SUCCEEDED),
        (IN_ITS_GROUP, {}, JobState.SUCCEEDED),
        (SAYS_CANCEL, {}, JobState.SUCCEEDED),
        (ENDS_RUNNER, {}, None),
        ("", {"cache": "$HOME/.cache/aml-tests"}, JobState.SUCCEEDED),
    ],
    ids=["error", "time-limit", "processes", "processes-of-its-group", "cancel", "signal", "own-variables"],
)
def test_a_runner_ends_with_a_job_that_left_something(
    backend: LocalBackend, submit: Submit, script: str, job: dict[str, Any], state: JobState | None
) -> None:
    runner = runner_after(backend, submit(RUNNER))
    handle = submit(RUNNER + script, {"HOME": str(backend.target.home)}, **job)
    status = wait_until_ended(backend, handle)
    try:
        assert state in {status.state, None}, status.reason
        wait_until(lambda: not is_there(runner))
        assert runner_after(backend, submit(RUNNER)) != runner
    finally:
        left = directory_of(backend, handle) / "work" / "outputs" / "pid"
        if left.exists():
            assert ") Z " not in Path("/proc", left.read_text(), "stat").read_text()
            os.kill(int(left.read_text()), signal.SIGKILL)


def test_what_a_job_left_running_is_ended_before_the_next(backend: LocalBackend, submit: Submit) -> None:
    script = (
        RUNNER + "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])"
    )
    runner = runner_after(backend, submit(script))
    children = Path(f"/proc/{runner}/task/{runner}/children")
    assert children.read_text() == ""
    assert runner_after(backend, submit(RUNNER)) == runner


def test_a_job_that_needs_its_runner_s_own_variables_has_them(
    backend: LocalBackend, submit: Submit, tmp_path: Path
) -> None:
    """An interpreter is searched for where the run's variables say, by a runner that had another job before."""
    runner = runner_after(backend, submit(RUNNER, {"PATH": "/nowhere", "BEFORE": "1"}))
    (tmp_path / "my-python").symlink_to(os.path.realpath("/proc/self/exe"))
    environment = {"kind": "existing", "interpreter": "my-python"}
    script = "import os, sys; print(os.getppid(), sys.executable, 'BEFORE' in os.environ, os.environ['AFTER'])"
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "AFTER": "2"}
    handle = submit(script, variables, environment=environment)

    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED, said(backend, handle)
    assert said(backend, handle) == f"{runner} {tmp_path / 'my-python'} False 2\n"
    wait_until(lambda: not is_there(runner))


def test_a_cancelled_job_takes_no_other_along(backend: LocalBackend, submit: Submit) -> None:
    """The runner that is told to end ends; the next job has another, whoever is late with signals."""
    runner = runner_after(backend, submit(RUNNER))
    sleeping = submit(RUNNER + "import time; time.sleep(3600)", grace_seconds=0.1)
    assert int(said(backend, sleeping)) == runner
    assert lock_holder(str(directory_of(backend, sleeping))) is not None
    backend.cancel(sleeping)
    following = submit(RUNNER)

    assert wait_until_ended(backend, sleeping).state is JobState.CANCELLED
    assert runner_after(backend, following) != runner
    backend.cancel(sleeping)
    assert not is_there(runner)


def test_an_ended_job_of_a_living_runner_is_neither_signalled_nor_watched(
    backend: LocalBackend, submit: Submit, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    ended = submit(RUNNER)
    runner = runner_after(backend, ended)
    running = submit(UNTIL_TOLD, arguments=[str(told)])
    assert int(said(backend, running)) == runner
    (directory_of(backend, ended) / "status.json").unlink()  # as if it were still unknown
    backend.cancel(ended)
    assert lock_holder(str(directory_of(backend, ended))) is None
    assert backend.wakers([ended]) == []
    wakers = backend.wakers([running])
    assert select.select(wakers, [], [], 0)[0] == []
    told.touch()
    until = time.monotonic() + 200
    assert select.select(wakers, [], [], until - time.monotonic())[0] == wakers
    for descriptor in wakers:
        os.close(descriptor)

    assert backend.status(running).state is JobState.SUCCEEDED
    assert is_there(runner)
