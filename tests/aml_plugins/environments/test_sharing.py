"""One cache, many processes, some of which die."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from services.wheels import write_wheel

from aml_plugins.environments.builders import prune
from aml_plugins.testing.jobs import wait_until

# A source distribution: building it runs this, which says that it was reached and waits for its permission to go on.
BACKEND = """
import os, time, zipfile
def build_wheel(directory, *_):
    with open({reached!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    while not os.path.exists({go!r}):
        time.sleep(0.05)
    name = "slow-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("slow.py", "ANSWER = 7\\n")
        wheel.writestr("slow-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: slow\\nVersion: 1.0\\n")
        wheel.writestr("slow-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("slow-1.0.dist-info/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "slow"
version = "1.0"
"""


class Slow:
    """An environment whose build waits for the test."""

    def __init__(self, source: Path, root: Path) -> None:
        self.environment = {"kind": "pip", "requirements": ["--no-index", "./slow"]}
        self.reached, self.go, self.cancel = root / "reached", root / "go", root / "cancel"
        (source / "slow").mkdir()
        (source / "slow" / "pyproject.toml").write_text(PROJECT)
        backend = BACKEND.format(reached=str(self.reached), go=str(self.go))
        (source / "slow" / "backend.py").write_text(backend)

    @property
    def builders(self) -> list[int]:
        return [int(pid) for pid in self.reached.read_text().split()] if self.reached.exists() else []


@pytest.fixture
def slow(preparing: Any, tmp_path: Path) -> Slow:
    return Slow(preparing.source, tmp_path)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    """Read a process's log up to a line."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"'{text}' was never said")


def test_two_runs_of_one_environment_build_once(any_builder: Any, slow: Slow) -> None:
    first = any_builder.start(slow.environment)
    wait_until(lambda: len(slow.builders) == 1)
    second = any_builder.start(slow.environment)
    wait_for_line(second, "Another run is building this environment; waiting for it.")
    slow.go.touch()
    made = [any_builder.ended(process) for process in (first, second)]
    assert made[0]["python"] == made[1]["python"]
    assert any_builder.python(made[0], "import slow; print(slow.ANSWER)") == "7"
    assert len(slow.builders) == 1


def test_other_environments_are_built_meanwhile(preparing: Any, slow: Slow) -> None:
    process = preparing.start(slow.environment)
    wait_until(lambda: bool(slow.builders))
    write_wheel(preparing.source / "wheels", "tiny", "1.0", "")
    other = preparing.prepare({"kind": "pip", "requirements": ["--no-index", "wheels/tiny-1.0-py3-none-any.whl"]})
    assert "error" not in other
    assert process.poll() is None
    slow.go.touch()
    preparing.ended(process)


def test_who_waits_can_be_cancelled(preparing: Any, slow: Slow) -> None:
    first = preparing.start(slow.environment)
    wait_until(lambda: bool(slow.builders))
    second = preparing.start(slow.environment, slow.cancel)
    wait_for_line(second, "waiting for it")
    slow.cancel.touch()
    assert preparing.ended(second)["type"] == "BuildStoppedError"
    assert first.poll() is None
    slow.go.touch()
    first.wait(timeout=60)


def test_cancelling_ends_the_build_s_processes(any_builder: Any, slow: Slow) -> None:
    process = any_builder.start(slow.environment, slow.cancel)
    wait_until(lambda: bool(slow.builders))
    slow.cancel.touch()
    assert any_builder.ended(process)["type"] == "BuildStoppedError"
    wait_until(lambda: is_gone(slow.builders[0]))
    assert [path.suffix for path in any_builder.cache.iterdir()] == [".lock"]


def test_a_build_whose_runner_was_killed_is_done_again(any_builder: Any, slow: Slow) -> None:
    process = any_builder.start(slow.environment)
    wait_until(lambda: bool(slow.builders))
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.kill(slow.builders[0], signal.SIGKILL)  # of the builder's children, it is the runner's burial that ends them
    [unfinished] = [path for path in any_builder.cache.iterdir() if path.is_dir() and path.suffix != ".build"]
    (unfinished / "half").touch()
    slow.go.touch()
    made = any_builder.prepare(slow.environment)
    assert "was cut off; starting again" in made["log"]
    assert any_builder.python(made, "import slow; print(slow.ANSWER)") == "7"
    assert not (unfinished / "half").exists()
    assert not list(any_builder.cache.glob("*.build"))


def test_an_environment_that_lost_its_python_is_built_again(preparing: Any) -> None:
    environment = {"kind": "pip", "requirements": []}
    made = preparing.prepare(environment)
    Path(made["python"]).unlink()
    again = preparing.prepare(environment)
    assert again["python"] == made["python"]
    assert preparing.python(again, "print('here')") == "here"


class TestPrune:
    @pytest.fixture
    def keys(self, preparing: Any) -> list[str]:
        """Three environments, the first used first."""
        keys = []
        for number in range(3):
            wheel = write_wheel(preparing.source / "wheels", f"tiny{number}", "1.0", "")
            made = preparing.prepare({"kind": "pip", "requirements": ["--no-index", f"wheels/{wheel.name}"]})
            keys.append(made["key"])
            used = 1_000_000_000 + number
            os.utime(preparing.cache / made["key"] / ".aml-complete", (used, used))
        return keys

    @staticmethod
    def left(preparing: Any) -> set[str]:
        return {path.name for path in preparing.cache.iterdir() if path.is_dir()}

    def test_those_used_last_are_kept(self, preparing: Any, keys: list[str]) -> None:
        (preparing.cache / "script_api-1").mkdir()  # the runner keeps other things there, too
        assert prune(str(preparing.cache), keep=2) == [keys[0]]
        assert self.left(preparing) == {keys[1], keys[2], "script_api-1"}

    def test_those_not_used_for_days_go(self, preparing: Any, keys: list[str]) -> None:
        preparing.prepare({"kind": "pip", "requirements": ["--no-index", "wheels/tiny1-1.0-py3-none-any.whl"]})
        assert prune(str(preparing.cache), days=1) == sorted([keys[0], keys[2]])
        assert self.left(preparing) == {keys[1]}

    def test_one_that_a_run_uses_stays(self, preparing: Any, keys: list[str]) -> None:
        environment = {"kind": "pip", "requirements": ["--no-index", "wheels/tiny0-1.0-py3-none-any.whl"]}
        user = preparing.start(environment, STAY="1")
        assert user.stdout.readline()
        assert prune(str(preparing.cache), keep=0) == sorted(keys[1:])
        user.kill()
        user.wait()
        assert prune(str(preparing.cache), keep=0) == [keys[0]]

    def test_one_that_is_being_built_stays(self, preparing: Any, slow: Slow) -> None:
        process = preparing.start(slow.environment)
        wait_until(lambda: bool(slow.builders))
        assert prune(str(preparing.cache), keep=0, days=0) == []
        slow.go.touch()
        assert "error" not in preparing.ended(process)

    def test_no_cache_is_an_empty_one(self, tmp_path: Path) -> None:
        assert prune(str(tmp_path / "none"), keep=0) == []
