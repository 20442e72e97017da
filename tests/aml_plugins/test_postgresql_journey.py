"""The main job on PostgreSQL, MLflow's tables and ours in one database; its password is written and shown nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.store.opening import open_store, shown_uri
from aml_plugins.testing.waiting import wait_until

PASSWORD = "pass-w0rd-nobody-may-see"
SCRIPT = """\
import os, pathlib, sys, time
import mlflow
from azureml.core import Run
run = Run.get_context()
print("hello", flush=True)
with mlflow.start_run():
    mlflow.log_metric("loss", 0.25)
with run.child_run(name="child") as child:
    child.log("score", 0.5)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/model.txt").write_text("model")
time.sleep(float(sys.argv[1]))
"""


@pytest.fixture
def uri(postgresql_uri: str, aml_home: Path) -> str:
    """An empty database's URI with a password; the throw-away server takes any."""
    (aml_home / "aml.db").unlink()  # whatever would be written there by mistake shows
    return "aml+" + postgresql_uri.replace("postgres@", f"postgres:{PASSWORD}@")


@pytest.fixture
def workspace(uri: str) -> Iterator[Workspace]:
    opened = Workspace.create("team-a", store=uri)
    yield opened
    opened.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text(SCRIPT)
    return directory


def submit(workspace: Workspace, source: Path, seconds: float = 0.0) -> Run:
    config = ScriptRunConfig(source, script="train.py", arguments=[seconds], compute_target="local")
    return Experiment(workspace, "iris").submit(config)


def files_with_password(*directories: Path) -> list[Path]:
    wanted = PASSWORD.encode()
    files = [path for directory in directories for path in directory.rglob("*") if path.is_file()]
    return [path for path in files if wanted in path.read_bytes()]


def aml(uri: str, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-m", "aml_plugins.cli", *map(str, arguments)],
        env=kept | {"AML_STORE_URI": uri, **more}, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def test_the_whole_journey(workspace: Workspace, source: Path, uri: str, aml_home: Path, tmp_path: Path) -> None:
    run = submit(workspace, source).wait_for_completion()

    assert run.get_metrics() == {"loss": 0.25}
    assert {"outputs/model.txt", "logs/std_log.txt", "snapshot/snapshot.zip"} <= set(run.get_file_names())
    (child,) = run.get_children()
    assert (child.name, child.get_metrics()) == ("child", {"score": 0.5})
    model = run.register_model("iris", "outputs/model.txt")
    assert model.version == "1"
    assert [(found.name, found.version) for found in workspace.models] == [("iris", "1")]

    slow = submit(workspace, source, 600)
    wait_until(lambda: slow.get_status() == "Running")
    slow.cancel()
    slow.wait_for_completion(raise_on_error=False, timeout=60)
    assert slow.status == "Canceled"

    other = Workspace.create("team-b", store=uri)
    assert list(other.models) == []
    with pytest.raises(NotFoundError):
        other.get_run(run.id)
    assert sorted(Workspace.list(store=uri)) == ["default", "team-a", "team-b"]
    assert not (aml_home / "aml.db").exists()
    assert files_with_password(aml_home, tmp_path) == []


def test_mlflows_client_sees_the_runs(
    workspace: Workspace, source: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(workspace, source).wait_for_completion()
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    client = mlflow.MlflowClient(uri, uri)

    found = client.get_run(run.id)

    assert found.info.status == "FINISHED"
    assert found.data.metrics == {"loss": 0.25}
    assert [file.path for file in client.list_artifacts(run.id, "outputs")] == ["outputs/model.txt"]


def test_the_password_is_shown_and_passed_nowhere(
    workspace: Workspace, source: Path, uri: str, aml_home: Path, tmp_path: Path
) -> None:
    seen: list[bytes] = []
    stop = threading.Event()
    watching = threading.Thread(target=watch_command_lines, args=(seen, stop))
    watching.start()
    try:
        said = [
            aml(uri, "run", "submit", source, "--script", "train.py", "-w", "team-a", "--", 3, AML_AUTO_MONITOR="1"),
            aml(uri, "run", "list", "-w", "team-a", "-o", "json", AML_AUTO_MONITOR="1"),
            aml(uri, "workspace", "show", "-w", "team-a"),
            aml(uri, "workspace", "create", "team-c", "-o", "json"),
            aml(uri, "doctor", "-w", "team-a"),
            aml(uri, "doctor", "-w", "team-a", AML_STORE_URI=uri.replace("127.0.0.1:", "127.0.0.1:1")),
            aml(uri, "workspace", "config", "team-a", "--directory", tmp_path / "work"),
            aml(uri, "run", "list", "-w", "nobody"),
        ]
        (run,) = Experiment(workspace, "src").get_runs()
        runs = workspace.context.store.runs
        found = "the monitor that was started finds the store"
        wait_until(lambda: runs.get("team-a", run.id).state == "Completed", what=found)
    finally:
        stop.set()
        watching.join()

    shown = "".join(done.stdout + done.stderr for done in said) + repr(workspace) + repr(run.get_details())
    assert PASSWORD not in shown
    assert "postgres:***@127.0.0.1" in shown
    assert [done.returncode for done in said] == [0, 0, 0, 0, 0, 1, 2, 2], [done.stderr for done in said]
    assert any(b"aml_runner.launcher" in line for line in seen)  # it was looked when the job started
    assert any(b"monitor" in line for line in seen)
    assert not any(PASSWORD.encode() in line for line in seen)
    assert files_with_password(aml_home, tmp_path) == []


def watch_command_lines(seen: list[bytes], stop: threading.Event) -> None:
    """Collect what ``ps`` would show of the machine's processes until told to stop."""
    known: set[bytes] = set()
    while not stop.wait(0.02):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                known.add(path.read_bytes())
            except OSError:  # it ended
                continue
    seen.extend(known)


def test_a_configuration_file_keeps_no_password(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="PGPASSWORD") as refusal:
        workspace.write_config(tmp_path)

    assert PASSWORD not in str(refusal.value)
    assert not (tmp_path / ".aml").exists()


@pytest.mark.parametrize("first", ["ours", "MLflow's"])
def test_an_empty_database_may_be_opened_by_either_first(
    uri: str, source: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if first == "ours":
        open_store(uri).close()
    else:
        plain = uri.removeprefix("aml+")
        mlflow.MlflowClient(plain, plain).create_experiment("before")

    workspace = Workspace.get("default", store=uri)
    run = submit(workspace, source).wait_for_completion()

    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "default")
    assert mlflow.MlflowClient(uri, uri).get_run(run.id).info.status == "FINISHED"
    workspace.close()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("aml+postgresql://me:secret@host:5432/db?sslmode=require", "aml+postgresql://me:***@host:5432/db?sslmode=require"),
        ("postgresql://me:a:b/c@host/db", "postgresql://me:***@host/db"),
        ("postgresql://host/db?user=me&password=secret&connect_timeout=1", "postgresql://host/db?user=me&password=***&connect_timeout=1"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("aml+sqlite:////home/a:b@c/aml.db", "aml+sqlite:////home/a:b@c/aml.db"),
        ("https://me:secret@host/path", "https://me:***@host/path"),
    ],
)  # fmt: skip
def test_a_uri_is_shown_without_its_password(uri: str, shown: str) -> None:
    assert shown_uri(uri) == shown
    assert shown_uri(shown) == shown
