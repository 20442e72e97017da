"""MLflow artifacts in a datastore: by address, by workspace, and through a real server for clients without us."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.workspace_context import WorkspaceContext
from services.mlflow_server import shared_server

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.mlflow_store.artifacts import files_in, repository
from aml_plugins.mlflow_store.datastore_files import DatastoreFiles
from aml_plugins.mlflow_store.workspaces import create_workspace


@pytest.fixture
def workspace(aml_home, monkeypatch) -> Workspace:
    made = Workspace.create("team-a")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made.context.store.uri)
    return made


@pytest.fixture
def blob(workspace, azurite, monkeypatch):
    monkeypatch.setenv("STORAGE", azurite.connection_string)
    settings = {"container": azurite.create_container(), "connection_string": "secret://env/STORAGE"}
    return workspace.register_datastore("azure-blob", "blob", **settings)


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "folder"
    (made / "deep").mkdir(parents=True)
    (made / "a.txt").write_text("a")
    (made / "deep" / "b.txt").write_text("bb")
    return made


@pytest.mark.parametrize("kind", ["blob", "directory"])
def test_artifacts_go_and_come_back(request, workspace, folder, tmp_path, kind):
    if kind == "blob":
        request.getfixturevalue("blob")
    else:
        workspace.register_datastore("directory", "blob", path=str(tmp_path / "root"))
    with WorkspaceContext("team-a"):
        repository = get_artifact_repository("aml-datastore://blob/mlflow/run")
        repository.log_artifacts(str(folder), "outputs")
        repository.log_artifact(str(folder / "a.txt"))
        assert [(info.path, info.is_dir, info.file_size) for info in repository.list_artifacts()] == [
            ("a.txt", False, 1),
            ("outputs", True, None),
        ]
        assert [info.path for info in repository.list_artifacts("outputs")] == ["outputs/a.txt", "outputs/deep"]
        assert repository.list_artifacts("a.txt") == []
        back = Path(repository.download_artifacts("outputs", str(tmp_path)))
        assert back == tmp_path / "outputs"
        assert (back / "deep" / "b.txt").read_text() == "bb"
        assert Path(repository.download_artifacts("a.txt")).read_text() == "a"
        local = repository.get_local_path("outputs/deep/b.txt")
        assert (local is None) == (kind == "blob")
        repository.delete_artifacts("outputs")
        assert [info.path for info in repository.list_artifacts() if not info.is_dir] == ["a.txt"]
        with pytest.raises(MlflowException, match=r"There is no artifact 'outputs/a.txt'"):
            repository.download_artifacts("outputs/a.txt", str(tmp_path))


def test_files_of_runs_are_the_repositorys(workspace, folder, tmp_path):
    """What runs use without MLflow does what they would do through its repository."""
    workspace.register_datastore("directory", "blob", path=str(tmp_path / "root"))
    place = ("aml-datastore://blob/mlflow/run", "team-a", workspace.context.store.uri)
    through, without = files_in(repository(*place)), DatastoreFiles(*place)
    without.upload(folder, "outputs", link=False)
    without.upload(folder / "a.txt", "", link=False)
    for path in ("", "outputs", "outputs/deep", "a.txt", "no-such"):
        assert without.files(path) == through.files(path)
        assert without.exists(path) == through.exists(path)
    assert [info.path for info in without.files("")] == ["a.txt", "outputs"]
    for number, files in enumerate((through, without)):
        back = files.download("", tmp_path / f"all-{number}")
        assert (back / "outputs" / "deep" / "b.txt").read_text() == "bb"
        assert files.download("outputs/a.txt", tmp_path / f"one-{number}").read_text() == "a"
        with pytest.raises(NotFoundError, match=r"no artifact 'outputs/c.txt'"):
            files.download("outputs/c.txt", tmp_path)
        with pytest.raises(InvalidInputError):
            files.files("../x")
    with pytest.raises(InvalidInputError, match="is no address"):
        DatastoreFiles("aml-datastore://blob:1/x", *place[1:])


def test_an_address_means_the_datastore_of_the_requests_workspace(workspace, blob, folder):
    """Nobody reaches another workspace's datastore, whatever address he writes."""
    with WorkspaceContext("team-a"):
        repository = get_artifact_repository("aml-datastore://blob/x")
        repository.log_artifact(str(folder / "a.txt"))
    Workspace.create("team-b")
    with WorkspaceContext("team-b"), pytest.raises(MlflowException, match="'team-b' has no datastore 'blob'"):
        repository.list_artifacts()
    for address in ("aml-datastore://team-a@blob/x", "aml-datastore://blob/x?y=1", "aml-datastore://blob:1/x"):
        with pytest.raises(MlflowException, match="is no address of artifacts in a datastore"):
            get_artifact_repository(address)
    with WorkspaceContext("team-a"), pytest.raises(MlflowException, match="is no path in a datastore"):
        repository.list_artifacts("../y")


def test_an_address_without_a_name_is_the_default_datastore(workspace, blob, folder):
    workspace.set_default_datastore("blob")
    with WorkspaceContext("team-a"):
        get_artifact_repository("aml-datastore:///artifacts").log_artifact(str(folder / "a.txt"))
    assert list(blob.list("artifacts")) == [("artifacts/a.txt", 1)]


def test_a_changed_datastore_is_opened_anew(workspace, tmp_path, folder):
    for place in ("one", "two"):
        workspace.register_datastore("directory", "files", path=str(tmp_path / place))
        with WorkspaceContext("team-a"):
            get_artifact_repository("aml-datastore://files/x").log_artifact(str(folder / "a.txt"))
        workspace.remove_datastore("files")
        assert (tmp_path / place / "x" / "a.txt").exists()


def test_a_workspace_keeps_its_artifacts_in_its_datastore(workspace, blob, aml_home, tmp_path):
    workspace.set_default_datastore("blob", artifacts=True)
    source = tmp_path / "src"
    source.mkdir()
    (source / "train.py").write_text("import pathlib\npathlib.Path('outputs/model').write_text('w')\nprint('seen')\n")
    run = Experiment(workspace, "e").submit(ScriptRunConfig(source, script="train.py")).wait_for_completion()
    assert run.status == "Completed"
    assert "seen" in run.get_logs()
    found = {path for path, _ in blob.list("mlflow/team-a")}
    assert {path.partition(f"{run.id}/artifacts/")[2] for path in found} == {
        "logs/std_log.txt",
        "outputs/model",
        "snapshot/snapshot.zip",
    }
    run.register_model("flower", "outputs/model")
    model = next(model for model in workspace.models if model.name == "flower")
    assert Path(model.download(tmp_path / "model")).read_text() == "w"
    assert not (aml_home / "artifacts").exists() or not list((aml_home / "artifacts").rglob("std_log.txt"))
    with pytest.raises(InvalidInputError, match="is the default one"):
        workspace.remove_datastore("blob")
    workspace.set_default_datastore("workspace-files")
    with pytest.raises(InvalidInputError, match="keeps the MLflow artifacts"):
        workspace.remove_datastore("blob")
    workspace.set_default_datastore("workspace-files", artifacts=False)
    again = Experiment(workspace, "f").submit(ScriptRunConfig(source, script="train.py")).wait_for_completion()
    assert again.status == "Completed"
    assert {path for path, _ in blob.list("mlflow/team-a")} == found


@pytest.fixture(scope="module")
def server(tmp_path_factory, azurite):
    """A server that keeps the artifacts of each workspace in that workspace's default datastore."""
    os.environ["SERVER_STORAGE"] = azurite.connection_string
    directory = tmp_path_factory.mktemp("datastore-server")
    with shared_server(directory, destination="aml-datastore:///mlflow") as running:
        yield running


def test_clients_without_us_read_and_write_through_the_server(server, azurite, tmp_path, folder, monkeypatch):
    name = f"team-{uuid.uuid4().hex[:8]}"
    create_workspace(server.url, name)
    monkeypatch.setenv("MLFLOW_WORKSPACE", name)
    beside = Workspace.get(name, store=server.store_uri)
    blob = beside.register_datastore(
        "azure-blob", "blob", container=azurite.create_container(), connection_string="secret://env/SERVER_STORAGE"
    )
    beside.set_default_datastore("blob")
    client = MlflowClient(server.url)
    run = client.create_run(client.create_experiment("iris"))
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")
    client.log_artifacts(run.info.run_id, str(folder), "outputs")
    assert [path.rpartition("/artifacts/")[2] for path, _ in blob.list("mlflow")] == [
        "outputs/a.txt",
        "outputs/deep/b.txt",
    ]
    assert [info.path for info in client.list_artifacts(run.info.run_id, "outputs")] == [
        "outputs/a.txt",
        "outputs/deep",
    ]
    back = Path(client.download_artifacts(run.info.run_id, "outputs", str(tmp_path)))
    assert (back / "deep" / "b.txt").read_text() == "bb"
    query = urllib.parse.urlencode({"run_uuid": run.info.run_id, "path": "outputs/a.txt"})
    shown = urllib.request.Request(f"{server.url}/get-artifact?{query}", headers={"X-MLFLOW-WORKSPACE": name})
    with urllib.request.urlopen(shown) as answer:
        assert answer.read() == b"a"
