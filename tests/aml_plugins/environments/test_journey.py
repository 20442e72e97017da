"""From submission to the task that people watch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from services.wheels import write_wheel

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace

OFFLINE = ["--no-index", "--find-links wheels"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    write_wheel(directory / "wheels", "tiny", "1.0", "ANSWER = 1\n")
    (directory / "requirements.txt").write_text("--no-index\n--find-links wheels\ntiny\n")
    (directory / "train.py").write_text("import tiny\nprint('the answer is', tiny.ANSWER)\n")
    return directory


def submit(aml_home: Path, source: Path, environment: dict[str, Any]) -> Run:
    workspace = Workspace.create("team-a", exist_ok=True)
    config = ScriptRunConfig(source, script="train.py", compute_target="local", environment=environment)
    return Experiment(workspace, "environments").submit(config)


def task_of(run: Run) -> Any:
    [task] = [task for task in run.get_tasks() if task.kind == "environment"]
    return task


def test_the_build_is_a_task_of_the_run(aml_home: Path, source: Path) -> None:
    run = submit(aml_home, source, {"kind": "pip", "requirements_file": "requirements.txt"}).wait_for_completion()

    assert run.status == "Completed"
    assert "the answer is 1" in run.get_logs()
    assert "Building the environment pip-" in run.get_logs()
    task = task_of(run)
    assert (task.state, task.message) == ("Completed", "The pip environment is ready.")
    assert (aml_home / "environments" / task.result["environment"]).is_dir()

    again = submit(aml_home, source, {"kind": "pip", "requirements_file": "requirements.txt"}).wait_for_completion()
    assert again.status == "Completed"
    assert "Building the environment" not in again.get_logs()
    assert task_of(again).result == task.result


def test_a_failing_build_fails_the_run_and_its_task(aml_home: Path, source: Path) -> None:
    run = submit(aml_home, source, {"kind": "pip", "requirements": [*OFFLINE, "no-such-package"]})
    run.wait_for_completion(raise_on_error=False)

    assert run.status == "Failed"
    assert "no-such-package" in run.get_logs()
    task = task_of(run)
    assert task.state == "Failed"
    first, *lines = task.message.splitlines()
    assert first.startswith("The pip environment could not be built: ")
    assert any("no-such-package" in line for line in lines)
