"""The seam to environment builders: a package in the runner's archive."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.jobs import wait_until

BUILDERS = """
import os, subprocess, sys, time

def environment_key(environment):
    return "key-of-" + environment["name"]

def prepare(environment, cache, log, cancelled):
    log.write(b"building in " + os.getcwd().encode() + b"\\n")
    if environment["name"] == "broken":
        subprocess.run([sys.executable, "-c", "print('the tool says no')"], stdout=log)
        raise RuntimeError("the tool says no")
    if environment["name"] == "endless":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        while not cancelled():
            time.sleep(0.05)
        raise RuntimeError("stopped")
    if environment["name"] == "plain":
        return sys.executable
    return {"python": sys.executable, "variables": {"ACTIVATED": cache}}
"""


@pytest.fixture
def prepared(prepare: Callable[..., Path]) -> Callable[..., Path]:
    def prepared(name: str, program: str = "import os; print(os.environ.get('ACTIVATED'))") -> Path:
        directory = prepare(program, environment={"kind": "wishful", "name": name})
        with zipfile.ZipFile(directory / "runner.pyz") as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
        with zipfile.ZipFile(directory / "runner.pyz", "w") as archive:
            for member, content in members.items():
                if not member.startswith("aml_environments"):
                    archive.writestr(member, content)
            archive.writestr("aml_environments/__init__.py", BUILDERS)
        return directory

    return prepared


def run(directory: Path) -> dict[str, Any]:
    subprocess.run([sys.executable, directory / "runner.pyz", directory], check=False, timeout=60)
    status: dict[str, Any] = json.loads((directory / "status.json").read_text())
    return status


def test_a_built_environment_is_activated(prepared: Callable[..., Path]) -> None:
    directory = prepared("fine")
    status = run(directory)
    assert status["state"] == "succeeded"
    assert status["environment"]["state"] == "succeeded"
    assert status["environment"]["key"] == "key-of-fine"
    log = (directory / "std_log.txt").read_text()
    assert log == f"building in {directory}/work\n{directory.parent}/cache\n"


def test_an_interpreter_alone_will_do(prepared: Callable[..., Path]) -> None:
    directory = prepared("plain")
    assert run(directory)["state"] == "succeeded"
    assert (directory / "std_log.txt").read_text().endswith("None\n")


def test_a_failing_build_fails_the_job(prepared: Callable[..., Path]) -> None:
    directory = prepared("broken")
    status = run(directory)
    assert (status["state"], status["exit_code"]) == ("failed", None)
    assert status["reason"] == "The wishful environment could not be built: the tool says no"
    assert status["environment"] == {"key": "key-of-broken", "state": "failed", "message": status["reason"]}
    assert "the tool says no\n" in (directory / "std_log.txt").read_text()


def test_a_build_can_be_cancelled_and_leaves_no_process(prepared: Callable[..., Path]) -> None:
    directory = prepared("endless")
    runner = subprocess.Popen([sys.executable, str(directory / "runner.pyz"), str(directory)])
    log = directory / "std_log.txt"
    wait_until(lambda: log.exists() and "building" in log.read_text())
    runner.send_signal(signal.SIGTERM)
    runner.wait(60)
    status = json.loads((directory / "status.json").read_text())
    assert status["state"] == "cancelled"
    assert processes_of_job(json.loads((directory / "job.json").read_text())["key"]) == []
