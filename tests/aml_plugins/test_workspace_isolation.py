"""Two workspaces of one store with the same names in both: neither sees, finds or touches what the other has."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Task, Workspace
from aml_plugins.cli.app import NOUNS, ROOT, run
from aml_plugins.datastores.opening import default_datastore, open_datastore
from aml_plugins.errors import NotFoundError
from aml_plugins.store.records import DatastoreRecord, TaskRecord

NAMES = ("team-a", "team-b")


@dataclass(frozen=True)
class Team:
    """A workspace with one of everything; the names are the same in each, the contents are not."""

    workspace: Workspace
    run: Run

    @property
    def name(self) -> str:
        return self.workspace.name


@pytest.fixture
def teams(aml_home: Path, tmp_path: Path) -> tuple[Team, Team]:
    first, second = (_team(name, tmp_path) for name in NAMES)
    return first, second


def _team(name: str, directory: Path) -> Team:
    workspace = Workspace.create(name)
    source = directory / name
    source.mkdir()
    (source / "train.py").write_text(
        f"print('by {name}')\nimport pathlib\npathlib.Path('outputs/m.txt').write_text('{name}')\n"
    )
    workspace.attach_compute("local", "box", max_parallel_runs=len(name) + ord(name[-1]))
    place = {"path": str(directory / "places" / name)}
    store = workspace.context.store
    store.datastores.add(DatastoreRecord(workspace=name, name="files", type="directory", config=place))
    config = ScriptRunConfig(source, script="train.py", compute_target="box")
    started = Experiment(workspace, "iris").submit(config, name="one", idempotency_key="same")
    started.wait_for_completion()
    started.register_model("iris", "outputs/m.txt")
    build = TaskRecord(workspace=name, task_id="env-1", kind="environment", subject=started.id, state="Completed")
    store.tasks.put(build, message=f"Built for {name}.")
    return Team(workspace, started)


def test_the_same_names_mean_each_workspaces_own(teams: tuple[Team, Team], tmp_path: Path) -> None:
    assert teams[0].run.id != teams[1].run.id
    for team in teams:
        workspace = team.workspace
        found = workspace.find_run(idempotency_key="same")
        assert found is not None
        assert found.id == team.run.id
        assert [one.id for one in workspace.experiment("iris").get_runs()] == [team.run.id]
        assert workspace.compute_targets["box"].config["max_parallel_runs"] == len(team.name) + ord(team.name[-1])
        assert workspace.context.store.datastores.get(team.name, "files").config["path"].endswith(team.name)
        assert str(default_datastore(workspace.context, team.name).local_path("x")).endswith(f"{team.name}/x")
        assert str(open_datastore(workspace.context, team.name, "files").local_path("x")).endswith(f"{team.name}/x")
        (model,) = workspace.models
        assert model.run_id == team.run.id
        assert model.download(tmp_path / "models" / team.name).read_text() == team.name
        assert Task.get(workspace, "env-1").message == f"Built for {team.name}."
        assert [task.id for task in Task.list(workspace, subject=team.run.id)].count("env-1") == 1


SDK: dict[str, Callable[[Workspace, str], object]] = {
    "get_run": lambda mine, theirs: mine.get_run(theirs),
    "get_run by a prefix": lambda mine, theirs: mine.get_run(theirs[:12]),
    "Task.get": Task.get,
    "store.runs.get": lambda mine, theirs: mine.context.store.runs.get(mine.name, theirs),
    "store.runs.request_cancel": lambda mine, theirs: mine.context.store.runs.request_cancel(mine.name, theirs),
    "history.get": lambda mine, theirs: mine.context.history(mine.name).get(theirs),
    "history.files": lambda mine, theirs: mine.context.history(mine.name).files(theirs),
    "history.metric_history": lambda mine, theirs: mine.context.history(mine.name).metric_history(theirs, "loss"),
    "history.children": lambda mine, theirs: mine.context.history(mine.name).children(theirs),
    "history.log": lambda mine, theirs: mine.context.history(mine.name).log(theirs, tags={"by": "me"}),
    "history.set_status": lambda mine, theirs: mine.context.history(mine.name).set_status(theirs, "KILLED"),
    "history.register_model": lambda mine, theirs: mine.context.history(mine.name).register_model(
        "stolen", theirs, "outputs/m.txt"
    ),
    "history.script_variables": lambda mine, theirs: mine.context.history(mine.name).script_variables(theirs),
}


def test_an_id_of_the_other_workspace_is_not_found_in_python(teams: tuple[Team, Team]) -> None:
    mine, theirs = teams
    before = theirs.run.get_details(), theirs.run.get_tags()
    for name, call in SDK.items():
        said = []
        for wanted in (theirs.run.id, "f" * 32):
            with pytest.raises(NotFoundError) as raised:
                call(mine.workspace, wanted)
            said.append(str(raised.value).replace(wanted, "ID").replace(wanted[:12], "ID"))
        assert said[0] == said[1], name
    assert (theirs.run.get_details(), theirs.run.get_tags()) == before


ID = "ID"
COMMANDS: dict[tuple[str, ...], list[str]] = {
    ("run", "show"): [ID],
    ("run", "logs"): [ID],
    ("run", "wait"): [ID],
    ("run", "cancel"): [ID],
    ("run", "outputs"): [ID],
    ("run", "snapshot"): [ID],
    ("task", "show"): [ID],
    ("task", "watch"): [ID],
    ("task", "cancel"): [ID],
    ("model", "register"): ["iris", "--run", ID, "--path", "outputs/m.txt"],
}
"""Commands that take an id of something in a workspace, and how to call them."""


def test_an_id_of_the_other_workspace_is_not_found_by_a_command(
    teams: tuple[Team, Team], capsys: pytest.CaptureFixture[str]
) -> None:
    mine, theirs = teams
    for command, form in COMMANDS.items():
        said = []
        for wanted in (theirs.run.id, "f" * 32):
            arguments = [wanted if word == ID else word for word in form]
            capsys.readouterr()
            assert run([*command, *arguments, "-w", mine.name]) == 2, command
            captured = capsys.readouterr()
            assert captured.out == ""
            said.append(captured.err.replace(wanted, "ID"))
        assert said[0] == said[1], command
    assert theirs.run.status == "Completed"


def test_lists_have_the_workspaces_own(teams: tuple[Team, Team], capsys: pytest.CaptureFixture[str]) -> None:
    def listed(*command: str, name: str) -> Any:
        capsys.readouterr()
        assert run([*command, "-o", "json", "-w", name]) == 0
        return json.loads(capsys.readouterr().out)

    for mine, theirs in (teams, teams[::-1]):
        assert [one["id"] for one in listed("run", "list", name=mine.name)] == [mine.run.id]
        assert {one["task_id"] for one in listed("task", "list", name=mine.name)} == {mine.run.id, "env-1"}
        assert [one["runs"] for one in listed("experiment", "list", name=mine.name)] == [1]
        assert [one["run"] for one in listed("model", "list", name=mine.name)] == [mine.run.id]
        shown = json.dumps([listed(noun, "list", name=mine.name) for noun in ("run", "task", "model", "compute")])
        assert theirs.run.id not in shown


def test_every_command_that_takes_an_id_is_looked_at() -> None:
    """A new one belongs into COMMANDS."""
    context = click.Context(ROOT)
    found = set()
    for noun in NOUNS:
        command = ROOT.get_command(context, noun)
        verbs = command.commands if isinstance(command, click.Group) else {}
        for verb, below in verbs.items():
            if any(str(parameter.name).endswith("_id") for parameter in below.params):
                found.add((noun, verb))
    assert found == set(COMMANDS)
