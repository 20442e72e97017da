"""What is spawned is what is forked, and ends with the process that spawned it, whichever Python that is."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aml_plugins.runs.runner
from aml_plugins.environments.builders import BuildError
from aml_plugins.environments.builders.interpreters import choose
from aml_plugins.runs.runner import spawning
from aml_plugins.testing.jobs import wait_until

PACKAGE = Path(aml_plugins.runs.runner.__file__).parent
STARTS = """
import os, sys
sys.path.insert(0, sys.argv[1])
from runner import launching, spawning
log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
def start(way, script, directory=None, **variables):
    command, directory = [sys.executable, "-c", script], directory or os.path.dirname(sys.argv[2])
    if way == "fork":
        return launching.start(command, directory, variables, log), None
    return spawning.spawn(command, directory, variables, log)
"""
SHOW = """
import json, os, resource
OURS = ~(3 << 31)  # 32 and 33 are the C library's own
lines = [line.split(":", 1) for line in open("/proc/self/status").read().splitlines()]
print(json.dumps({
    "signals": {name: int(text, 16) & OURS for name, text in lines if name.startswith("Sig") and name != "SigQ"},
    "files": [os.readlink("/proc/self/fd/%d" % number) for number in range(3)],
    "descriptors": [number for number in range(3, 60) if os.path.lexists("/proc/self/fd/%d" % number)],
    "directory": os.getcwd(), "variables": dict(os.environ), "umask": os.umask(0), "nice": os.nice(0),
    "leads": os.getsid(0) == os.getpgrp() == os.getpid(), "limits": [resource.getrlimit(which) for which in range(8)],
}))
"""
FAMILY = """
import os, sys, time
pid = os.fork()
if pid == 0:
    time.sleep(3600)
print(os.getpid(), pid, flush=True)
time.sleep(3600)
"""
Starts = Callable[..., subprocess.Popen[str]]
Family = Callable[[], list[int]]


@pytest.fixture
def starts(tmp_path: Path) -> Iterator[Starts]:
    """Run a program that starts others; it has :data:`STARTS`, and a directory that is none of the tests' own."""
    started = []

    def starts(program: str, python: str = sys.executable, **options: Any) -> subprocess.Popen[str]:
        command = [python, "-c", STARTS + program, str(PACKAGE.parent), str(tmp_path / "log")]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options))
        return started[-1]

    yield starts
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    """Return what :data:`FAMILY` consists of, once it is complete."""
    log = tmp_path / "log"

    def family() -> list[int]:
        wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
        return [int(word) for word in log.read_text().split()]

    yield family
    for pid in filter(is_running, family()):
        os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_is_like_a_forked_one(starts: Starts, tmp_path: Path) -> None:
    """Also where this process, and who started it, ignore or block what they like."""
    program = f"""
import signal
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGCHLD, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGCHLD, lambda *_: None)
for way in ("fork", "spawn"):
    pid, leash = start(way, {SHOW!r}, ONLY="this")
    os.waitpid(pid, 0)
"""
    assert starts(program).wait(60) == 0
    forked, spawned = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert spawned == forked
    assert (spawned["directory"], spawned["variables"]["ONLY"], spawned["leads"]) == (str(tmp_path), "this", True)
    assert spawned["files"] == ["/dev/null", str(tmp_path / "log"), str(tmp_path / "log")]
    assert spawned["signals"]["SigIgn"] & 1 << 9  # SIGUSR1, as a shell would have passed it on


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_a_killed_starter_takes_the_whole_group_along(starts: Starts, family: Family, version: str) -> None:
    try:
        python = choose(version).path
    except BuildError:
        pytest.skip(f"Python {version} is not here")
    starter = starts(f"pid, leash = start('spawn', {FAMILY!r}); os.waitpid(pid, 0)", python)
    script, child = family()
    assert [is_running(script), is_running(child)] == [True, True]
    starter.kill()
    wait_until(lambda: not is_running(script) and not is_running(child))


def test_a_starter_that_lets_go_takes_nobody_along(starts: Starts, family: Family) -> None:
    """Not even those who still have their end of the pipe."""
    starter = starts(f"pid, leash = start('spawn', {FAMILY!r}); sys.stdin.readline(); leash.close()", stdin=-1)
    pids = family()
    starter.communicate("go\n")
    assert starter.returncode == 0
    assert all(os.path.lexists(f"/proc/{pid}/fd/61") and is_running(pid) for pid in pids)


def test_who_is_killed_before_it_can_tie_leaves_its_script_to_the_burial(
    starts: Starts, family: Family, prepare: Callable[..., Path]
) -> None:
    directory = prepare("")
    key = json.loads((directory / "job.json").read_text())["key"]
    killed = "spawning.Leash.tie = lambda *_: os.kill(os.getpid(), 9)"
    starter = starts(f"{killed}\nstart('spawn', {FAMILY!r}, AML_JOB_KEY={key!r})")
    assert starter.wait(60) == -signal.SIGKILL
    script, child = family()
    assert is_running(script)
    (directory / "lock").write_text(f"{starter.pid} 1")
    (directory / "started").touch()

    subprocess.run([sys.executable, directory / "runner.pyz", directory], check=True)
    wait_until(lambda: not is_running(script) and not is_running(child))
    assert json.loads((directory / "status.json").read_text())["state"] == "failed"


@pytest.fixture
def descriptors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], set[str]]:
    monkeypatch.chdir(tmp_path)  # and back, after the tests that change it
    return lambda: {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize(
    ("command", "directory", "variables", "number"),
    [
        (["/nowhere/python"], "/", {}, errno.ENOENT),
        (["/etc"], "/", {}, errno.EACCES),
        (["/bin/true"], "/nowhere", {}, errno.ENOENT),
        (["/bin/true", "a\0b"], "/", {}, errno.EINVAL),
        (["/bin/true"], "/", {"A": "a\0b"}, errno.EINVAL),
    ],
)
def test_what_cannot_be_started_leaves_nothing(
    descriptors: Callable[[], set[str]], command: list[str], directory: str, variables: dict[str, str], number: int
) -> None:
    before = descriptors()
    with pytest.raises(OSError, match=r".") as raised:
        spawning.spawn(command, directory, variables, 2)
    assert raised.value.errno == number
    assert descriptors() == before


def test_a_system_or_a_python_that_cannot_leaves_it_to_a_fork(
    descriptors: Callable[[], set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise NotImplementedError

    before = descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_spawn", refuse)
        assert spawning.spawn(["/bin/true"], "/", {}, 2) is None
    monkeypatch.delattr(fcntl, "F_SETSIG")
    assert spawning.spawn(["/bin/true"], "/", {}, 2) is None
    assert descriptors() == before
