"""What people do to a run in MLflow reaches the job and the snapshot behind it."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.datastores.directory import DirectoryDatastore
from aml_plugins.datastores.opening import default_datastore
from aml_plugins.runs.snapshot_release import release_snapshots
from aml_plugins.testing.waiting import wait_until


@pytest.fixture
def workspace(aml_home: Path) -> Workspace:
    return Workspace.get("default")


@pytest.fixture
def client(workspace: Workspace) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(workspace.context.store.uri, workspace.context.store.uri)


def submit(workspace: Workspace, tmp_path: Path, script: str, name: str = "src") -> Run:
    source = tmp_path / name
    source.mkdir(exist_ok=True)
    (source / "script.py").write_text(script)
    return Experiment(workspace, "x").submit(ScriptRunConfig(source, script="script.py", compute_target="local"))


def running(run: Run) -> Run:
    wait_until(lambda: run.get_status() == "Running")
    return run


def test_terminating_a_run_in_mlflow_cancels_its_job(
    workspace: Workspace, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    run = running(submit(workspace, tmp_path, "import time; time.sleep(600)"))

    client.set_terminated(run.id, "KILLED")
    run.wait_for_completion(raise_on_error=False)

    assert run.status == "Canceled"
    assert client.get_run(run.id).info.status == "KILLED"


def test_a_script_that_ends_its_own_mlflow_run_goes_on(
    workspace: Workspace, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    script = (
        "import mlflow, pathlib\n"
        "with mlflow.start_run():\n    mlflow.log_metric('a', 1)\n"
        "pathlib.Path('outputs').mkdir(exist_ok=True); pathlib.Path('outputs/late.txt').write_text('x')\n"
    )
    run = submit(workspace, tmp_path, script).wait_for_completion()

    assert "outputs/late.txt" in run.get_file_names()
    assert client.get_run(run.id).info.status == "FINISHED"


def test_deleting_a_run_in_mlflow_releases_its_snapshot_unless_another_run_has_the_same(
    workspace: Workspace, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    first = submit(workspace, tmp_path, "print(1)").wait_for_completion()
    second = submit(workspace, tmp_path, "print(1)").wait_for_completion()
    assert first.record
    assert second.record
    assert first.record.snapshot_digest == second.record.snapshot_digest
    datastore = default_datastore(workspace.context, "default")
    stored = workspace.context.store.snapshots.find("default", str(first.record.snapshot_digest))
    assert stored
    path = stored.path

    client.delete_run(first.id)
    assert release_snapshots(workspace.context) == []
    assert datastore.exists(path)

    client.delete_run(second.id)
    assert [record.digest for record in release_snapshots(workspace.context)] == [first.record.snapshot_digest]
    assert not datastore.exists(path)

    client.restore_run(first.id)
    assert "snapshot/snapshot.zip" in first.get_file_names()


def test_a_snapshot_that_comes_back_while_it_is_deleted_is_there(
    workspace: Workspace, client: mlflow.MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit(workspace, tmp_path, "print(1)").wait_for_completion()
    client.delete_run(first.id)
    delete, later = DirectoryDatastore.delete, []

    def submit_first(datastore: DirectoryDatastore, path: str) -> None:
        """Let a run with the same snapshot be stored between the two halves of its release."""
        if not later:
            later.append(submit(workspace, tmp_path, "print(1)").wait_for_completion())
        delete(datastore, path)

    monkeypatch.setattr(DirectoryDatastore, "delete", submit_first)
    (gone,) = release_snapshots(workspace.context)
    stored = workspace.context.store.snapshots.find("default", gone.digest)
    assert later[0].status == "Completed"
    assert stored
    assert default_datastore(workspace.context, "default").exists(stored.path)
    assert not default_datastore(workspace.context, "default").exists(gone.path)
    assert submit(workspace, tmp_path, "print(1)").wait_for_completion().status == "Completed"


def test_deleting_an_active_run_in_mlflow_ends_its_job(
    workspace: Workspace, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    run = running(submit(workspace, tmp_path, "import time; time.sleep(600)"))

    client.delete_run(run.id)
    run.wait_for_completion(raise_on_error=False)

    assert run.status == "Canceled"
