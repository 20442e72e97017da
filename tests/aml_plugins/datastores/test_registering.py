"""A workspace's datastores: register, use, choose the default, remove."""

from __future__ import annotations

import shutil

import pytest

from aml_backends.local.backend import LocalBackend
from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError, PluginError

SCRIPT = """\
import pathlib
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/result.txt").write_text(pathlib.Path("data.txt").read_text().upper())
print("done")
"""


@pytest.fixture
def workspace(aml_home) -> Workspace:
    return Workspace.create("team-a")


@pytest.fixture
def blob(workspace, azurite, monkeypatch):
    monkeypatch.setenv("STORAGE", azurite.connection_string)
    settings = {"container": azurite.create_container(), "connection_string": "secret://env/STORAGE"}
    return workspace.register_datastore("azure-blob", "blob", **settings)


@pytest.fixture
def project(tmp_path):
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text(SCRIPT)
    (directory / "data.txt").write_text("hello")
    return directory


def submit(workspace: Workspace, project) -> object:
    return Experiment(workspace, "e").submit(ScriptRunConfig(project, script="train.py")).wait_for_completion()


def test_a_registered_datastore_is_in_the_workspace(workspace, blob, source, tmp_path):
    assert list(workspace.datastores) == ["blob", "workspace-files"]
    assert len(workspace.datastores) == 2
    assert "blob" in workspace.datastores
    assert "other" not in workspace.datastores
    workspace.datastores["blob"].upload(source, "in/")
    assert list(blob.list()) == [("in/source.bin", 7)]
    with pytest.raises(NotFoundError, match=r"has no datastore 'blbo'. Did you mean 'blob'"):
        workspace.datastores["blbo"]
    assert list(Workspace.create("team-b").datastores) == ["workspace-files"]


def test_a_run_keeps_everything_in_a_blob_container(workspace, blob, project, aml_home, tmp_path):
    """The whole journey of a local run whose workspace has no directory for its files."""
    workspace.set_default_datastore("blob")
    run = submit(workspace, project)
    assert run.status == "Completed"
    ((path, size),) = blob.list()
    assert path.startswith("snapshots/")
    assert size > 0
    assert not (aml_home / "datastore").exists()
    run.download_files("outputs", tmp_path / "back")
    assert next((tmp_path / "back").rglob("result.txt")).read_text() == "HELLO"
    again = submit(workspace, project)
    assert again.status == "Completed"
    assert len(list(blob.list())) == 1, "the same snapshot is not stored twice"


class KilledError(BaseException):
    """Stands for SIGKILL."""


def test_a_snapshot_comes_from_the_container_where_the_cache_is_lost(workspace, blob, project, aml_home, monkeypatch):
    """As for a driver on another machine, which goes on after the submitter was killed."""
    workspace.set_default_datastore("blob")
    calls = []
    plan = LocalBackend.plan

    def kill_at_the_second(self, spec, key):
        calls.append(key)
        if len(calls) == 2:  # the first is the submission's, before anything is written down
            raise KilledError
        return plan(self, spec, key)

    monkeypatch.setattr(LocalBackend, "plan", kill_at_the_second)
    with pytest.raises(KilledError):
        submit(workspace, project)
    for lost in ("snapshots", "staging"):
        shutil.rmtree(aml_home / lost)
    workspace.driver.release()
    (record,) = workspace.context.store.runs.list(workspace.name)
    run = workspace.get_run(record.run_id)
    run.wait_for_completion()
    assert run.status == "Completed"


def test_a_new_default_leaves_stored_snapshots_where_they_are(workspace, blob, project):
    workspace.set_default_datastore("blob")
    submit(workspace, project)
    workspace.set_default_datastore("workspace-files")
    assert submit(workspace, project).status == "Completed"
    assert len(list(blob.list())) == 1
    assert list(workspace.default_datastore.list()) == []


def test_what_is_needed_is_not_removed(workspace, blob, project):
    workspace.set_default_datastore("blob")
    with pytest.raises(InvalidInputError, match="'blob' is the default one"):
        workspace.remove_datastore("blob")
    run = submit(workspace, project)
    workspace.set_default_datastore("workspace-files")
    with pytest.raises(InvalidInputError, match="'blob' holds 1 snapshots of runs"):
        workspace.remove_datastore("blob")
    with pytest.raises(InvalidInputError, match="'workspace-files' is built in"):
        workspace.remove_datastore("workspace-files")
    with pytest.raises(NotFoundError, match="has no datastore 'other'"):
        workspace.remove_datastore("other")
    workspace.context.store.runs.mark_released([run.id], released=True)
    from aml_plugins.runs.snapshot_release import release_snapshots

    release_snapshots(workspace.context, workspace.name)
    assert list(blob.list()) == []
    workspace.remove_datastore("blob")
    assert list(workspace.datastores) == ["workspace-files"]


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (
            ("directory", "workspace-files", {"path": "/x"}),
            AlreadyExistsError,
            "has a datastore 'workspace-files' already",
        ),
        (("directory", "A b", {"path": "/x"}), InvalidInputError, "cannot be the name of a datastore"),
        (("directory", "a", {"path": "x"}), InvalidInputError, "must be an absolute path"),
        (("directory", "a", {}), InvalidInputError, "The setting 'path' of the datastore 'a'"),
        (("azure-blob", "a", {"container": "c", "account_key": "hush"}), InvalidInputError, "not the secret itself"),
        (("azur-blob", "a", {}), PluginError, "Did you mean 'azure-blob'"),
    ],
)
def test_what_cannot_be_a_datastore_is_not_written(workspace, arguments, error, said):
    with pytest.raises(error, match=said) as caught:
        workspace.register_datastore(arguments[0], arguments[1], **arguments[2])
    assert "hush" not in str(caught.value)
    assert list(workspace.datastores) == ["workspace-files"]


def test_a_default_that_is_not_there_is_refused(workspace):
    with pytest.raises(NotFoundError, match="has no datastore 'other'"):
        workspace.set_default_datastore("other")
