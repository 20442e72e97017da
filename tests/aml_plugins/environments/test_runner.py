"""Through the runner: what a run sees of its environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from services.conda_channel import CondaChannel
from services.wheels import write_wheel

from aml_plugins.compute.runner_bundle import runner_command
from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.jobs import make_job, wait_until

SHOW = """
import json, os, sys
names = ("VIRTUAL_ENV", "CONDA_PREFIX", "APP_HOME", "PATH")
print(json.dumps({"prefix": sys.prefix, **{name: os.environ.get(name) for name in names}}))
"""


class Job:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = f"aml-{uuid.uuid4().hex}-1"  # processes are found by it: it must be nobody else's
        self.directory = root / "job"
        self.wheel = write_wheel(root / "wheels", "tiny", "1.0", "ANSWER = 1\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, program: str, environment: dict[str, Any], **variables: str) -> None:
        files = {f"wheels/{self.wheel.name}": self.wheel.read_bytes()}
        spec = make_job(
            self.root, self.key, program, files=files, environment=environment, cache=str(self.root / "cache")
        )
        self.directory.mkdir()
        for name, source in spec.bundle.items():
            (self.directory / name).write_bytes(source.read_bytes())
        command = runner_command(sys.executable, self.directory / "runner.pyz", self.directory)
        self.process = subprocess.Popen(command, env={**os.environ, **variables, "VIRTUAL_ENV": "/another"})

    def run(self, program: str, environment: dict[str, Any], **variables: str) -> dict[str, Any]:
        self.start(program, environment, **variables)
        assert self.process is not None
        self.process.wait(240)
        return self.status

    @property
    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads((self.directory / "status.json").read_text())
        return status

    @property
    def log(self) -> str:
        return (self.directory / "std_log.txt").read_text()


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    job = Job(tmp_path)
    yield job
    if job.process is not None:
        job.process.kill()
        job.process.wait()
    left = processes_of_job(job.key)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def offline(*requirements: str) -> dict[str, Any]:
    return {"kind": "pip", "requirements": ["--no-index", "--find-links wheels", *requirements]}


def test_the_script_runs_in_its_pip_environment(job: Job) -> None:
    status = job.run(f"import tiny\nassert tiny.ANSWER == 1\n{SHOW}", offline("tiny"))
    assert (status["state"], status["reason"]) == ("succeeded", None), job.log
    prefix = str(job.root / "cache" / status["environment"]["key"])
    assert (status["environment"]["state"], status["environment"]["message"]) == (
        "succeeded",
        "The pip environment is ready.",
    )
    seen = json.loads(job.log.splitlines()[-1])
    assert (seen["prefix"], seen["VIRTUAL_ENV"], seen["CONDA_PREFIX"]) == (prefix, prefix, None)
    assert seen["PATH"].startswith(f"{prefix}/bin:")
    assert f"Building the environment {status['environment']['key']}." in job.log


def test_the_script_runs_in_its_conda_environment(job: Job, channel: CondaChannel) -> None:
    specification = {"channels": [channel.address], "dependencies": ["python", "app", "mylib"]}
    environment = {"kind": "conda", "specification": specification}
    status = job.run(f"import mylib\n{SHOW}", environment, RATTLER_CACHE_DIR=str(job.root / "rattler-cache"))
    assert (status["state"], status["reason"]) == ("succeeded", None), job.log
    prefix = str(job.root / "cache" / status["environment"]["key"])
    seen = json.loads(job.log.splitlines()[-1])
    assert (seen["prefix"], seen["CONDA_PREFIX"], seen["VIRTUAL_ENV"]) == (prefix, prefix, None)
    assert seen["APP_HOME"] == f"{prefix}/share/app"


def test_a_failing_build_fails_the_run_with_its_last_lines(job: Job) -> None:
    status = job.run("print('never')", offline("no-such-package"))
    assert status["state"] == "failed"
    assert status["script_pid"] is None
    assert status["reason"].startswith("The pip environment could not be built: ")
    assert "no-such-package" in status["reason"].partition("Its last lines:\n")[2]
    assert status["environment"] == {
        "key": status["environment"]["key"],
        "state": "failed",
        "message": status["reason"],
    }
    assert status["environment"]["key"].startswith("pip-")
    assert "never" not in job.log


def test_passwords_reach_neither_log_nor_status(job: Job) -> None:
    line = "--index-url http://user:hunter2@127.0.0.1:9/simple"
    status = job.run("", {"kind": "pip", "requirements": [line, "x"]}, PIP_RETRIES="0", UV_HTTP_RETRIES="0")
    assert status["state"] == "failed"
    assert "hunter2" not in json.dumps(status) + job.log


def test_a_password_may_come_from_the_run_s_variables(job: Job) -> None:
    environment = {"kind": "pip", "requirements": ["--no-index", "--find-links ${WHEELS}", "tiny"]}
    status = job.run("import tiny", environment, WHEELS=str(job.wheel.parent))
    assert status["state"] == "succeeded", job.log


def test_cancel_during_a_build_leaves_nothing(job: Job) -> None:
    build = "import os, time\nopen(os.environ['REACHED'], 'w').close()\ntime.sleep(600)\n"
    reached = job.root / "reached"
    project = job.root / "slow"
    project.mkdir()
    (project / "setup.py").write_text(build)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "setup"\nbackend-path = ["."]\n'
    )
    job.start("", {"kind": "pip", "requirements": ["--no-index", str(project)]}, REACHED=str(reached))
    wait_until(reached.exists)
    assert job.status["environment"]["state"] == "running"
    (job.directory / "cancel").touch()
    assert job.process is not None
    job.process.wait(60)
    assert (job.status["state"], job.status["environment"]["message"]) == ("cancelled", "The build was stopped.")
    assert not processes_of_job(job.key)
