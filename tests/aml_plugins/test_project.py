"""``mlflow run --backend aml``: the real ``mlflow`` command, in a process of its own, on a project directory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import ExecutionException
from mlflow.projects.utils import load_project

from aml_plugins.errors import InvalidInputError
from aml_plugins.mlflow_store.project_backend import project_backend
from aml_plugins.runs.project_environments import environment_of, variables_of
from aml_plugins.runs.run import Run
from aml_plugins.testing.waiting import wait_until
from aml_plugins.workspace import Workspace

SCRIPT = """
import os, sys
import mlflow
print("arguments", sys.argv[1:], "greeting", os.environ.get("GREETING"))
mlflow.log_metric("arguments", len(sys.argv) - 1)
mlflow.log_param("word", sys.argv[2])  # refused where MLflow was given another value before
sys.exit(int("fail" in sys.argv))
"""
MLPROJECT = """
name: project
entry_points:
  main:
    parameters:
      word: {type: string, default: none}
    command: "python train.py --word {word}"
  shell:
    command: "python train.py && rm -rf elsewhere"
  module:
    command: "python -m train"
"""

MlflowRun = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def workspace(aml_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"aml+sqlite:///{aml_home}/aml.db")
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    return Workspace.create("team-a")


@pytest.fixture
def mlflow_run(workspace: Workspace, tmp_path: Path) -> MlflowRun:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text(SCRIPT)
    (project / "MLproject").write_text(MLPROJECT)

    def run(*arguments: str, **config: object) -> subprocess.CompletedProcess[str]:
        (tmp_path / "target.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "mlflow", "run", str(project), "--backend", "aml", "--experiment-name", "e"]
        return subprocess.run(
            [*command, "--backend-config", str(tmp_path / "target.json"), *arguments],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


def the_run(workspace: Workspace) -> Run:
    (run,) = workspace.experiment("e").get_runs()
    return run


def test_an_entry_point_runs_with_its_parameters_and_the_settings(workspace, mlflow_run):
    variables = {"GREETING": "hello"}
    done = mlflow_run("-P", "word=a & b; 'c'", "--run-name", "mine", environment_variables=variables, retries=0)
    assert done.returncode == 0, done.stderr
    run = the_run(workspace)
    assert f"aml run logs -f {run.id} -w team-a" in done.stderr
    run.wait_for_completion()
    assert "arguments ['--word', \"a & b; 'c'\"] greeting hello" in run.get_logs()
    assert run.get_metrics() == {"arguments": 2.0}
    assert run.name == "mine"
    tags = run.get_tags()
    assert (tags["mlflow.project.backend"], tags["mlflow.project.entryPoint"]) == ("aml", "main")
    assert MlflowClient().get_run(run.id).data.params == {"word": "a & b; 'c'"}


def test_who_does_not_wait_leaves_the_run_to_a_monitor(workspace, mlflow_run, monkeypatch):
    monkeypatch.setenv("AML_AUTO_MONITOR", "1")
    assert mlflow_run().returncode == 0
    record = the_run(workspace).record
    assert record is not None
    runs = workspace.context.store.runs
    wait_until(lambda: runs.get("team-a", record.run_id).state == "Completed")  # reading drives nothing
    assert list((Path(os.environ["AML_HOME"]) / "monitors").glob("*.log"))


def test_a_run_in_python_is_waited_for(workspace, mlflow_run, tmp_path):
    code = f"""
import mlflow.projects
arguments = dict(backend="aml", backend_config={{"workspace": "team-a"}}, experiment_name="e")
mlflow.set_experiment("e")
with mlflow.start_run() as workflow:
    run = mlflow.projects.run({str(tmp_path / "project")!r}, **arguments)
assert run.get_status() == "FINISHED", run.get_status()
step = mlflow.get_run(run.run_id).data
assert step.tags["mlflow.parentRunId"] == workflow.info.run_id
assert step.params == {{"word": "none"}}  # what the project has where nobody says anything
try:
    mlflow.projects.run({str(tmp_path / "project")!r}, parameters={{"word": "fail"}}, **arguments)
except mlflow.exceptions.ExecutionException as error:
    print("ended:", error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True)
    assert "ended: Run (ID" in done.stdout
    states = sorted(run.status for run in workspace.experiment("e").get_runs())
    assert states == ["Completed", "Failed"]


@pytest.mark.parametrize(
    ("arguments", "config", "sentence"),
    [
        ((), {"targte": "local"}, "unknown key 'targte'. Did you mean 'target'?"),
        (("-e", "shell"), {}, "which is not 'python SCRIPT ARGUMENTS'"),
    ],
    ids=["key", "shell"],
)
def test_a_mistake_is_a_sentence(
    workspace: Workspace,
    mlflow_run: MlflowRun,
    arguments: tuple[str, ...],
    config: Mapping[str, object],
    sentence: str,
) -> None:
    done = mlflow_run(*arguments, **config)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not workspace.experiment("e").get_runs()


@pytest.mark.parametrize(
    ("entry_point", "config", "sentence"),
    [
        ("main", {"target": "nowhere"}, "MLFLOW_TRACKING_URI names another store."),
        ("main", {"workspace": "team-b"}, "names the workspace 'team-b', and MLflow works in 'team-a'."),
        ("module", {}, "which is not 'python SCRIPT ARGUMENTS'"),
    ],
    ids=["target", "workspace", "module"],
)
@pytest.mark.usefixtures("mlflow_run")  # makes the project
def test_any_mistake_is_what_the_command_shows_as_a_sentence(
    workspace: Workspace, tmp_path: Path, entry_point: str, config: dict[str, object], sentence: str
) -> None:
    store, project = workspace.context.store, str(tmp_path / "project")
    experiment = workspace.context.history("team-a").ensure_experiment("e")
    with pytest.raises(ExecutionException, match=re.escape(sentence)):
        project_backend().run(project, entry_point, {}, None, config, store.uri, experiment)
    assert store.runs.list("team-a") == []


def test_what_mlflow_itself_misses_is_a_sentence_too(
    workspace: Workspace, mlflow_run: MlflowRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = workspace.context.store.uri

    def run(**parameters: object) -> None:
        project_backend().run(str(tmp_path / "project"), "main", parameters, None, {"target": "local"}, uri, "1")

    with pytest.raises(ExecutionException, match="Names may only contain alphanumerics"):
        run(**{"a?": 1})
    monkeypatch.delenv("MLFLOW_WORKSPACE")
    with pytest.raises(ExecutionException, match=r"Active workspace is required\."):  # the command shows it as it is
        run()


def test_a_projects_image_is_the_runs_environment(tmp_path: Path) -> None:
    def project(**docker_env: object) -> object:
        (tmp_path / "MLproject").write_text(
            json.dumps({"name": "p", "docker_env": {"image": "python:3.11", **docker_env}})
        )
        return load_project(str(tmp_path))

    found = project(environment=[["NEW", "a value"], "COPIED"])
    assert environment_of(found) == {"kind": "docker", "image": "python:3.11"}
    assert variables_of(found) == {"NEW": "a value", "COPIED": "secret://env/COPIED"}
    assert variables_of(project()) == {}
    with pytest.raises(InvalidInputError, match="volumes, which the backend 'aml' does not mount"):
        environment_of(project(volumes=["/a:/b"]))
