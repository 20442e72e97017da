"""The main job in Python, on the embedded defaults: submit, watch, collect, read, register."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import mlflow
import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError, OperationFailedError

TRAIN = """\
import argparse, json, os, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=1.0)
parser.add_argument("--fail", action="store_true")
arguments = parser.parse_args()
print("alpha is", arguments.alpha, flush=True)
print("to stderr", file=sys.stderr, flush=True)
from azureml.core import Run
run = Run.get_context()
run.log("loss", 1 / (1 + arguments.alpha))
for value in (1, 2, 3):
    run.log("series", value)
with run.child_run(name="child") as child:
    child.log("score", 0.5)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/model.json").write_text(json.dumps({"alpha": arguments.alpha, "who": os.environ.get("WHO")}))
if arguments.fail:
    sys.exit(3)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text(TRAIN)
    (directory / ".amlignore").write_text("secret.txt\n")
    (directory / "secret.txt").write_text("stays at home")
    return directory


@pytest.fixture
def workspace(aml_home: Path) -> Workspace:
    return Workspace.create("team-a")


def submit(workspace: Workspace, source: Path, *arguments: object, **options: object) -> Run:
    config = ScriptRunConfig(
        source, script="train.py", arguments=arguments, compute_target="local", environment_variables={"WHO": "me"}
    )
    return Experiment(workspace, "iris").submit(config, **options)


def test_a_script_runs_and_everything_comes_back(
    workspace: Workspace, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = submit(workspace, source, "--alpha", 0.25, name="first", tags={"team": "a"})
    run.wait_for_completion(show_output=True)

    assert repr(run) == f"Run(id='{run.id}', workspace='team-a', experiment='iris', state='Completed')"
    assert run.status == "Completed"
    shown = capsys.readouterr().out
    assert "alpha is 0.25" in shown
    assert "to stderr" in shown
    assert run.get_metrics() == {"loss": 0.8, "series": [1.0, 2.0, 3.0]}
    assert run.get_tags()["team"] == "a"
    assert run.name == "first"
    assert {"outputs/model.json", "logs/std_log.txt", "snapshot/snapshot.zip"} <= set(run.get_file_names())
    (mine := tmp_path / "outputs" / "model.json").parent.mkdir()
    mine.write_text("of the caller, at the same path")
    model = run.download_file("outputs/model.json", tmp_path)
    assert mine.read_text() == "of the caller, at the same path"
    assert not list(tmp_path.glob(".aml-file-*"))
    assert json.loads(model.read_text()) == {"alpha": 0.25, "who": "me"}
    assert "alpha is 0.25" in run.get_logs()
    with zipfile.ZipFile(run.download_file("snapshot/snapshot.zip", tmp_path)) as archive:
        assert sorted(archive.namelist()) == [".amlignore", "train.py"]


def test_child_runs_are_runs_of_mlflow_below_their_parent(workspace: Workspace, source: Path) -> None:
    run = submit(workspace, source).wait_for_completion()

    (child,) = run.get_children()

    assert child.name == "child"
    assert child.get_metrics() == {"score": 0.5}
    assert child.status == "Completed"
    assert child.parent is not None
    assert child.parent.id == run.id


def test_the_best_model_is_registered_in_versions(workspace: Workspace, source: Path, tmp_path: Path) -> None:
    run = submit(workspace, source).wait_for_completion()

    first = run.register_model("iris", "outputs/model.json", tags={"stage": "test"})
    second = run.register_model("iris", "outputs/model.json")

    assert (first.version, second.version) == ("1", "2")
    assert first.run_id == run.id
    assert [model.version for model in workspace.models] == ["2"]
    assert json.loads(first.download(tmp_path / "model").read_text())["alpha"] == 1.0
    with pytest.raises(NotFoundError, match="no file or directory 'outputs/nothing'"):
        run.register_model("iris", "outputs/nothing")


def test_mlflow_shows_the_same_run_with_nothing_of_ours_in_the_program(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(workspace, source).wait_for_completion()
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")

    client = mlflow.MlflowClient(workspace.context.store.uri)

    seen = client.get_run(run.id)
    assert seen.info.status == "FINISHED"
    assert seen.data.metrics["loss"] == 0.5
    assert seen.data.tags["aml.target"] == "local"
    assert client.get_experiment(seen.info.experiment_id).name == "iris"
    assert {file.path for file in client.list_artifacts(run.id)} == {"logs", "outputs", "snapshot"}


def test_a_failing_script_fails_the_run_with_its_last_words(workspace: Workspace, source: Path) -> None:
    run = submit(workspace, source, "--fail")

    with pytest.raises(OperationFailedError, match="exit code 3") as raised:
        run.wait_for_completion()

    assert "to stderr" in str(raised.value)
    assert "outputs/model.json" in run.get_file_names()
    assert run.get_details()["exitCode"] == 3


def test_a_script_that_fails_is_tried_again_as_often_as_its_configuration_says(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    (source / "flaky.py").write_text(
        f"open({str(witness)!r}, 'a').write('x')\nimport sys\nsys.exit(len(open({str(witness)!r}).read()) < 3)\n"
    )
    config = ScriptRunConfig(source, script="flaky.py", compute_target="local")
    config.configuration = config.configuration.merged(retries=2)

    run = Experiment(workspace, "flaky").submit(config).wait_for_completion()

    assert witness.read_text() == "xxx"
    assert run.get_details()["attempt"] == 3
    assert "logs/attempt-1/std_log.txt" in run.get_file_names()


LOSING = """\
import os, signal, sys, time
with open(sys.argv[1], "a") as witness:
    witness.write("x")
attempt = len(open(sys.argv[1]).read())
print("attempt", attempt, "speaks", flush=True)
if sys.argv[2][attempt - 1] == "l":
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)
sys.exit(int(sys.argv[2][attempt - 1] == "f"))
"""


@pytest.mark.parametrize(
    "case",
    [
        ("lls", {"loss_retries": 2}, ("Completed", 3)),
        ("lfs", {"loss_retries": 1, "retries": 1}, ("Completed", 3)),
        ("fls", {"loss_retries": 1, "retries": 1}, ("Completed", 3)),
        ("lf-", {"loss_retries": 2}, ("Failed", 2)),
        ("ll-", {"loss_retries": 1, "retries": 5}, ("Failed", 2)),
        ("ls-", {"retries": 1}, ("Completed", 2)),
        ("l--", {}, ("Failed", 1)),
    ],
)
def test_lost_machines_are_retried_apart_from_failures(
    workspace: Workspace, source: Path, tmp_path: Path, case: tuple[str, dict[str, int], tuple[str, int]]
) -> None:
    fates, limits, ends = case
    attempts = ends[1]
    (source / "losing.py").write_text(LOSING)
    arguments = [str(tmp_path / "witness"), fates]
    config = ScriptRunConfig(source, script="losing.py", arguments=arguments, compute_target="local")
    config.configuration = config.configuration.merged(**limits)

    run = Experiment(workspace, "lost").submit(config).wait_for_completion(raise_on_error=False)

    assert (run.status, run.get_details()["attempt"]) == ends
    assert (tmp_path / "witness").read_text() == "x" * attempts
    told = [("l" if one.lost else "f") for one in run.attempts if one.state == "Failed"]
    assert "".join(told) == fates[:attempts].rstrip("s")
    assert len({one.job for one in run.attempts}) == attempts
    for one in run.attempts:
        assert run.get_logs(attempt=one.number) == f"attempt {one.number} speaks\n"
        assert one.log in run.get_file_names()
    with pytest.raises(NotFoundError, match="has no attempt 9"):
        run.get_logs(attempt=9)


def test_who_follows_a_run_sees_every_attempt(
    workspace: Workspace, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "losing.py").write_text(LOSING)
    config = ScriptRunConfig(source, script="losing.py", arguments=[str(tmp_path / "w"), "fls"], compute_target="local")
    config.configuration = config.configuration.merged(retries=2)

    run = Experiment(workspace, "lost").submit(config).wait_for_completion(show_output=True)

    assert capsys.readouterr().out == "attempt 1 speaks\nattempt 2 speaks\nattempt 3 speaks\n"
    said = " ".join(event.message for event in run.events(follow=False))
    assert "Attempt 1 failed: The script ended with exit code 1. Trying again." in said
    assert "Attempt 2 lost its machine: The runner of the job was killed" in said


def test_canceling_ends_the_run_and_its_processes(workspace: Workspace, source: Path, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    (source / "endless.py").write_text(
        f"import time\nwhile True:\n    open({str(ticks)!r}, 'a').write('.')\n    time.sleep(0.05)\n"
    )
    run = Experiment(workspace, "x").submit(ScriptRunConfig(source, script="endless.py", compute_target="local"))
    while not ticks.exists():
        run.get_status()

    run.cancel()
    run.wait_for_completion(raise_on_error=False)

    assert run.status == "Canceled"
    length = len(ticks.read_text())
    Experiment(workspace, "x").submit(ScriptRunConfig(source, script="train.py")).wait_for_completion()
    assert len(ticks.read_text()) == length


def test_one_idempotency_key_is_one_run_for_ever(workspace: Workspace, source: Path) -> None:
    first = submit(workspace, source, idempotency_key="nightly-1")
    again = submit(workspace, source, "--alpha", 5, idempotency_key="nightly-1")

    assert again.id == first.id
    first.wait_for_completion()
    assert submit(workspace, source, idempotency_key="nightly-1").id == first.id


def test_more_runs_than_slots_wait_in_the_queue(workspace: Workspace, source: Path) -> None:
    workspace.attach_compute("local", "narrow", max_parallel_runs=1)
    config = ScriptRunConfig(source, script="train.py", compute_target="narrow")

    runs = [Experiment(workspace, "queue").submit(config) for _ in range(3)]

    assert [run.record.state for run in runs][1:] == ["Queued", "Queued"]
    for run in runs:
        run.wait_for_completion()
    assert {run.status for run in runs} == {"Completed"}


def test_a_script_that_uses_mlflow_needs_nothing_of_ours(workspace: Workspace, source: Path) -> None:
    (source / "plain.py").write_text(
        "import mlflow\n"
        "with mlflow.start_run():\n"
        "    mlflow.log_metric('loss', 0.5)\n"
        "    mlflow.log_param('alpha', 3)\n"
    )
    run = Experiment(workspace, "plain").submit(ScriptRunConfig(source, script="plain.py", compute_target="local"))

    run.wait_for_completion()

    assert run.status == "Completed"
    assert run.get_metrics() == {"loss": 0.5}


def test_a_dead_interpreter_ends_the_run_with_a_sentence(workspace: Workspace, source: Path) -> None:
    environment = {"kind": "existing", "interpreter": "/nowhere/python"}
    config = ScriptRunConfig(source, script="train.py", compute_target="local", environment=environment)

    with pytest.raises(OperationFailedError, match="The Python interpreter '/nowhere/python' does not exist"):
        Experiment(workspace, "dead").submit(config).wait_for_completion()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"script": "nothing.py"}, "The script 'nothing.py' is not in the source directory"),
        ({"script": "../outside.py"}, "lies outside of the source directory"),
        ({"script": "train.py", "compute_target": "lokal"}, "no compute target 'lokal'. Did you mean 'local'"),
        ({}, "No script is named"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(
    workspace: Workspace, source: Path, options: dict[str, str], sentence: str
) -> None:
    (source.parent / "outside.py").write_text("")

    with pytest.raises(InvalidInputError, match=sentence):
        Experiment(workspace, "mistakes").submit(ScriptRunConfig(source, **options))

    assert workspace.context.store.runs.list("team-a") == []


def test_a_source_directory_that_is_missing_or_empty_is_told(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not exist"):
        submit(workspace, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match=r"The script 'train.py' is not in"):
        submit(workspace, tmp_path / "empty")


def test_a_workspace_is_made_once_and_found_again(workspace: Workspace) -> None:
    with pytest.raises(AlreadyExistsError):
        Workspace.create("team-a")
    assert Workspace.create("team-a", exist_ok=True).name == "team-a"
    assert "team-a" in Workspace.list()
    with pytest.raises(NotFoundError, match="Did you mean 'team-a'"):
        Workspace.get("team-b")

    workspace.write_config(".")

    assert Workspace.from_config().name == "team-a"


def test_workspaces_do_not_see_each_others_runs(workspace: Workspace, source: Path) -> None:
    run = submit(workspace, source).wait_for_completion()
    other = Workspace.create("team-b")

    with pytest.raises(NotFoundError):
        other.get_run(run.id)
    assert other.context.store.runs.list("team-b") == []


def test_secrets_reach_the_script_and_nothing_else(
    workspace: Workspace, source: Path, aml_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "s3cr3t-value-77")
    (source / "secret.py").write_text(
        "import os\nfrom azureml.core import Run\nrun = Run.get_context()\n"
        "assert run.get_secret('token') == os.environ['TOKEN'] == os.environ['MY_TOKEN']\n"
        "print(len(os.environ['TOKEN']))\n"
        "try:\n    run.get_secret('MY_TOKEN')\nexcept NotImplementedError as error:\n    print(error)\n"
    )
    config = ScriptRunConfig(
        source,
        script="secret.py",
        compute_target="local",
        environment_variables={"TOKEN": "secret://env/MY_TOKEN"},
    )

    run = Experiment(workspace, "secrets").submit(config).wait_for_completion()

    assert run.get_logs().startswith("15\nThe secret 'MY_TOKEN' is not available")
    for path in aml_home.rglob("*"):
        if path.is_file():
            assert b"s3cr3t-value-77" not in path.read_bytes(), path


def test_the_interpreter_that_submits_is_the_one_that_runs(workspace: Workspace, source: Path) -> None:
    (source / "which.py").write_text("import sys\nprint(sys.executable)\n")
    run = Experiment(workspace, "which").submit(ScriptRunConfig(source, script="which.py")).wait_for_completion()

    assert sys.executable in run.get_logs()


def test_what_happens_to_a_run_can_be_followed_to_its_end(workspace: Workspace, source: Path) -> None:
    run = submit(workspace, source)

    seen = list(run.events())

    states = [event.new for event in seen if event.new]
    assert states[0] == "NotStarted"
    assert states[-1] == "Completed"
    assert [event.sequence for event in seen] == sorted({event.sequence for event in seen})
    assert list(run.events(follow=False)) == seen
    (task,) = run.get_tasks()
    assert (task.id, task.state, task.record.progress) == (run.id, "Completed", 1.0)


def test_what_no_target_can_do_is_refused_before_anything_is_written(workspace: Workspace, source: Path) -> None:
    base = ScriptRunConfig(source, script="train.py", compute_target="local")
    for change in (
        {"node_count": 2},
        {"environment": {"kind": "docker", "image": "python:3.11"}},
        {"data": {"flowers": {"datastore": "x", "path": "y"}}},
    ):
        config = ScriptRunConfig(source, run_config=base.configuration.merged(**change))
        with pytest.raises(InvalidInputError):
            Experiment(workspace, "refused").submit(config)
    assert workspace.context.store.runs.list("team-a") == []
