"""The main job in containers: an image of one's own, an environment inside of it, metrics, outputs, cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from services.docker_engine import DockerEngine
from services.wheels import write_wheel

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.cli.app import run as run_command

TRAIN = """\
import argparse, os, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--sleep", type=float, default=0)
arguments = parser.parse_args()
print("in", sys.prefix, "with", os.environ["WHO"], flush=True)
time.sleep(arguments.sleep)
try:
    import tiny
    print("the answer is", tiny.ANSWER)
except ImportError:
    print("no answer")
from azureml.core import Run
run = Run.get_context()
run.log("loss", 0.5)
with run.child_run(name="child") as child:
    child.log("score", 0.25)
pathlib.Path("outputs/model.txt").write_text("model")
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    write_wheel(directory / "wheels", "tiny", "1.0", "ANSWER = 1\n")
    (directory / "train.py").write_text(TRAIN)
    return directory


@pytest.fixture
def workspace(aml_home: Path, engine: DockerEngine) -> Workspace:
    workspace = Workspace.create("team-a")
    workspace.attach_compute("docker", "boxes", engine=engine.address, network=engine.network, image="no/such:image")
    return workspace


def submit(workspace: Workspace, source: Path, *arguments: object, **environment: Any) -> Run:
    config = ScriptRunConfig(
        source,
        script="train.py",
        arguments=arguments,
        compute_target="boxes",
        environment={"kind": "docker", **environment},
        environment_variables={"WHO": "me"},
    )
    return Experiment(workspace, "boxes").submit(config)


def test_a_script_runs_in_its_image_and_everything_comes_back(
    workspace: Workspace, source: Path, engine: DockerEngine, tmp_path: Path
) -> None:
    run = submit(workspace, source, image=engine.image).wait_for_completion()
    assert run.status == "Completed"
    assert run.get_metrics() == {"loss": 0.5}
    assert [child.get_metrics() for child in run.get_children()] == [{"score": 0.25}]
    assert run.get_logs() == "in /opt/python with me\nno answer\n"
    assert run.download_file("outputs/model.txt", tmp_path).read_text() == "model"


def test_a_pip_environment_is_built_inside_of_the_image_once(
    workspace: Workspace, source: Path, engine: DockerEngine
) -> None:
    python = {"kind": "pip", "requirements": ["--no-index", "--find-links wheels", "tiny"]}
    logs = [submit(workspace, source, image=engine.image, python=python).wait_for_completion().get_logs() for _ in "12"]
    assert "Building the environment" in logs[0]
    assert "Building the environment" not in logs[1]
    for log in logs:
        assert "in /aml/environments/" in log
        assert "the answer is 1" in log


def test_an_image_is_built_for_the_run_and_shown_as_a_task(
    workspace: Workspace, source: Path, engine: DockerEngine
) -> None:
    run = submit(workspace, source, dockerfile=f"FROM {engine.image}\nENV BUILT=yes\n").wait_for_completion()
    assert run.status == "Completed"
    assert "Step 1/2" in run.get_logs()


def test_a_cancelled_run_leaves_nothing(workspace: Workspace, source: Path, engine: DockerEngine) -> None:
    run = submit(workspace, source, "--sleep", 3600, image=engine.image)
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Canceled"
    backend = workspace.context.backends.get("team-a", "boxes")
    assert list(backend.list_jobs()) == []  # type: ignore[attr-defined]


def test_check_says_what_would_happen(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["compute", "check", "boxes", "-w", "team-a"]) == 0
    assert "no/such:image will be pulled" in capsys.readouterr().out


def test_check_says_that_a_network_is_missing(
    workspace: Workspace, engine: DockerEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.attach_compute("docker", "alone", engine=engine.address, network="nosuch")
    assert run_command(["compute", "check", "alone", "-w", "team-a"]) == 2
    assert "no network 'nosuch'" in capsys.readouterr().out


READS_AND_WRITES = """\
import os, pathlib
text = pathlib.Path(os.environ["AZUREML_DATAREFERENCE_train"], "a.txt").read_text()
pathlib.Path(os.environ["AZUREML_DATAREFERENCE_result"], "r.txt").write_text(text * 2)
"""


@pytest.mark.parametrize("mode", ["download", "mount"])
def test_data_of_a_datastore_reach_the_script_and_come_back(
    workspace: Workspace, source: Path, tmp_path: Path, mode: str, engine: DockerEngine
) -> None:
    (source / "train.py").write_text(READS_AND_WRITES)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("A")
    workspace.register_datastore("directory", "files", path=str(tmp_path / "root"))
    workspace.datastores["files"].upload(tmp_path / "in", "in")
    data = {
        "train": {"datastore": "files", "path": "in", "mode": mode},
        "result": {"datastore": "files", "path": "out", "mode": "upload"},
    }
    config = ScriptRunConfig(
        source,
        script="train.py",
        compute_target="boxes",
        data=data,
        environment={"kind": "docker", "image": engine.image},
    )
    run = Experiment(workspace, "data").submit(config).wait_for_completion()
    assert run.status == "Completed"
    assert (tmp_path / "root" / "out" / "r.txt").read_text() == "AA"
