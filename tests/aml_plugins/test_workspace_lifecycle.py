"""Workspaces from their creation to their end, on the embedded defaults."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.store.records import DatastoreRecord

ENDLESS = "import time\nwhile True:\n    time.sleep(0.05)\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text("import pathlib\npathlib.Path('outputs/m.txt').write_text('m')\n")
    (directory / "endless.py").write_text(ENDLESS)
    return directory


@pytest.fixture
def workspace(aml_home: Path) -> Workspace:
    return Workspace.create("team-a", description="Ours.")


def submit(workspace: Workspace, source: Path, script: str = "train.py", **options: object) -> Run:
    config = ScriptRunConfig(source, script=script, compute_target="local")
    return Experiment(workspace, "iris").submit(config, **options)


def full(workspace: Workspace, source: Path) -> Run:
    """Put one of everything into the workspace."""
    workspace.attach_compute("local", "box")
    path = str(workspace.context.home / "elsewhere")
    record = DatastoreRecord(workspace=workspace.name, name="files", type="directory", config={"path": path})
    workspace.context.store.datastores.add(record)
    run = submit(workspace, source).wait_for_completion()
    run.register_model("iris", "outputs/m.txt")
    return run


def files_of(workspace: Workspace) -> list[str]:
    """Return the files that hold something of the workspace's runs."""
    home = workspace.context.home
    places = [home / "datastore" / workspace.name, home / "artifacts" / "workspaces" / workspace.name]
    return [str(file) for place in places for file in place.rglob("*") if file.is_file()]


def test_a_description_and_a_default_datastore_are_changed_one_by_one(workspace: Workspace, tmp_path: Path) -> None:
    record = DatastoreRecord(workspace="team-a", name="files", type="directory", config={"path": str(tmp_path)})
    workspace.context.store.datastores.add(record)

    workspace.update(default_datastore="files")
    assert workspace.describe().description == "Ours."
    workspace.update(description="Theirs.")

    assert workspace.describe().description == "Theirs."
    assert workspace.context.store.workspaces.get("team-a").settings == {"default_datastore": "files"}
    with pytest.raises(NotFoundError, match=r"no datastore 'flies'.*Did you mean 'files'"):
        workspace.update(default_datastore="flies")


def test_an_archived_workspace_is_read_and_takes_nothing_new(workspace: Workspace, source: Path) -> None:
    run = submit(workspace, source, idempotency_key="once").wait_for_completion()
    workspace.archive()
    archived = workspace.describe()
    workspace.archive()

    assert (archived.state, workspace.describe()) == ("archived", archived)
    with pytest.raises(InvalidInputError, match=r"'team-a' is archived.*aml workspace restore team-a"):
        submit(workspace, source)
    with pytest.raises(InvalidInputError, match="is archived"):
        workspace.attach_compute("local", "box")
    assert submit(workspace, source, idempotency_key="once").id == run.id
    assert workspace.get_run(run.id).status == "Completed"

    workspace.restore()
    assert workspace.describe().state == "in use"
    assert submit(workspace, source).wait_for_completion().status == "Completed"


def test_what_runs_goes_on_in_an_archived_workspace(workspace: Workspace, source: Path) -> None:
    run = submit(workspace, source)
    workspace.archive()
    assert run.wait_for_completion().status == "Completed"


def test_a_workspace_with_something_in_it_is_not_deleted_and_what_it_has_is_counted(
    workspace: Workspace, source: Path
) -> None:
    full(workspace, source)
    counted = "it has 1 run, 1 datastore, 1 compute target, 1 model and 1 experiment"
    with pytest.raises(InvalidInputError, match=rf"{counted}\..*aml workspace delete team-a --force"):
        workspace.delete()
    assert workspace.describe().state == "in use"


def test_default_is_not_deleted(aml_home: Path) -> None:
    for force in (False, True):
        with pytest.raises(InvalidInputError, match="'default' cannot be deleted"):
            Workspace.get("default").delete(force=force)


def test_an_empty_workspace_is_deleted_and_its_name_is_free(workspace: Workspace) -> None:
    workspace.delete()
    with pytest.raises(NotFoundError, match="no workspace 'team-a'"):
        Workspace.get("team-a")
    assert Workspace.create("team-a").describe().description == ""


def test_force_takes_everything_along_and_ends_what_runs(workspace: Workspace, source: Path) -> None:
    other = Workspace.create("team-b")
    kept = full(other, source)
    full(workspace, source)
    endless = submit(workspace, source, "endless.py")
    assert workspace.contents()["runs that have not ended"] == 1
    process = endless.record.handle if endless.record else None
    assert process

    workspace.delete(force=True)

    assert Workspace.list() == ["default", "team-b"]
    assert files_of(workspace) == []
    again = Workspace.create("team-a")
    assert again.contents() == {}
    assert again.models == []
    with pytest.raises(NotFoundError):
        again.get_run(endless.id)
    assert other.get_run(kept.id).get_file_names()
    assert other.contents()["runs"] == 1
    assert files_of(other)


class KilledAt:
    """Kills this process right before its N-th commit."""

    def __init__(self, commit: int) -> None:
        self._left = commit

    def __call__(self, *_: object) -> None:
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def delete_and_die(name: str, commit: int) -> bool:
    """Delete in a process that is killed at a commit; say whether it got to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            event.listen(Engine, "commit", KilledAt(commit))
            Workspace.get(name).delete(force=True)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
    return not os.WIFSIGNALED(status)


def test_a_deletion_that_is_killed_anywhere_is_finished_by_the_next(workspace: Workspace, source: Path) -> None:
    other = Workspace.create("team-b")
    kept = full(other, source)
    full(workspace, source)
    states = []
    while not delete_and_die("team-a", len(states)):
        states.append(Workspace.get("team-a").describe().state if "team-a" in Workspace.list() else "gone")

    assert states == sorted(states, key=["in use", "being deleted", "gone"].index)
    assert set(states) == {"in use", "being deleted", "gone"}
    assert Workspace.list() == ["default", "team-b"]
    assert files_of(workspace) == []
    assert Workspace.create("team-a").contents() == {}
    assert other.get_run(kept.id).get_file_names()


def test_a_name_is_free_however_far_its_deletion_came(workspace: Workspace, source: Path) -> None:
    full(workspace, source)
    commit = 0
    while not delete_and_die("team-a", commit) and "team-a" in Workspace.list():
        commit += 1
    again = Workspace.create("team-a", exist_ok=True)
    assert again.describe().state == "in use"
    assert again.contents() == {}
