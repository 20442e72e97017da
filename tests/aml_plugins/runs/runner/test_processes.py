from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aml_plugins.runs.runner.processes import birth_of, processes_of_job, signal_identified
from aml_plugins.runs.runner.reading import read_file
from aml_plugins.testing.jobs import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(3600)"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, start_new_session=True, env={**os.environ, "AML_JOB_KEY": "aml-other-1"}) as process:
        yield process
        process.kill()


def test_identity_is_id_and_birth(process: subprocess.Popen[bytes]) -> None:
    birth = birth_of(process.pid)
    assert birth > 0
    assert not signal_identified(process.pid, birth - 1, signal.SIGKILL)
    assert process.poll() is None
    assert signal_identified(process.pid, birth, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not signal_identified(process.pid, birth, signal.SIGKILL)


def test_a_recycled_group_is_not_the_job_s(process: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: processes_of_job("aml-other-1") == [process.pid])
    assert processes_of_job("aml-mine-1", process.pid, birth_of(process.pid) - 1) == []
    assert processes_of_job("aml-mine-1", process.pid, birth_of(process.pid)) == [process.pid]


def test_the_script_dies_with_its_runner_though_nobody_looks(prepare: Callable[..., Path]) -> None:
    directory = prepare("print('begun'); import time; time.sleep(3600)")
    runner = subprocess.Popen([sys.executable, str(directory / "runner.pyz"), str(directory)])
    status = directory / "status.json"
    wait_until(lambda: status.exists() and json.loads(status.read_text())["state"] == "running")
    script, birth = (json.loads(status.read_text())[name] for name in ("script_pid", "script_birth"))
    assert birth_of(script) == birth
    runner.kill()
    runner.wait()
    wait_until(lambda: birth_of(script) != birth)


def test_a_file_longer_than_one_look_is_read_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1024
    (tmp_path / "file").write_bytes(content)

    assert read_file(str(tmp_path / "file")) == content
