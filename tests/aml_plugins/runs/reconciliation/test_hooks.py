"""Plugins around a run: policies that refuse, observers that fail, events that are told in order, killed or not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.context import Context, open_context
from aml_plugins.errors import InvalidInputError
from aml_plugins.hookspecs import Problem, hookimpl
from aml_plugins.plugins import plugins_of
from aml_plugins.runs.reconciliation.driver import Driver

PATIENCE = 90
SCRIPT = """\
import os, sys, time
with open(sys.argv[1], "a") as file:
    file.write(os.environ["AML_RUN_ID"] + "\\n")
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "script.py").write_text(SCRIPT)
    return directory


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return tmp_path / "witness"


def lines(witness: Path) -> list[str]:
    return witness.read_text().splitlines() if witness.exists() else []


class Strict:
    """A policy that objects twice."""

    @hookimpl
    def aml_validate_run(self, run: object) -> list[Problem]:
        return [Problem(what="Too dear.", fix="Take less."), Problem(what="No owner.")]


class Clumsy:
    """A policy that fails."""

    @hookimpl
    def aml_validate_run(self, run: object) -> list[Problem]:
        raise RuntimeError("out of order")


class Rude:
    """An observer that raises whatever it is told."""

    @hookimpl
    def aml_task_event(self, event: object) -> None:
        raise ValueError("go away")

    @hookimpl
    def aml_run_submitted(self, run: object) -> None:
        raise ValueError("go away")

    @hookimpl
    def aml_run_state_changed(self, run: object, old: str, new: str) -> None:
        raise SystemExit(3)

    @hookimpl
    def aml_run_finished(self, run: object) -> None:
        raise ValueError("go away")


class Witness:
    """An observer that writes down what it is told, and may end its process there."""

    def __init__(self, file: Path, fatal: str = "") -> None:
        self._file = file
        self._fatal = fatal

    @hookimpl
    def aml_run_state_changed(self, run: object, old: str, new: str) -> None:
        if new == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        with self._file.open("a") as file:
            file.write(f"{old}>{new}\n")

    @hookimpl
    def aml_run_finished(self, run: object) -> None:
        with self._file.open("a") as file:
            file.write("finished\n")


class Unlucky:
    """Fails to say which environment variables it has."""

    @hookimpl
    def aml_run_environment(self, run: object) -> dict[str, str]:
        raise RuntimeError("no token today")


def with_plugins(**objects: object) -> Workspace:
    """Open the default workspace with our backends and the plugins given."""
    from aml_backends import local
    from aml_plugins.datastores import plugin as datastores

    opened = open_context()
    context = Context(
        store=opened.store,
        plugins=plugins_of({"local": local, "datastores": datastores, **objects}),
        home=opened.home,
        open_history=opened.open_history,
    )
    return Workspace(context, "default")


def config(source: Path, witness: Path, seconds: float = 0.0) -> ScriptRunConfig:
    return ScriptRunConfig(source, script="script.py", arguments=[witness, seconds], compute_target="local")


def test_policies_refuse_with_all_their_reasons_and_nothing_is_written(
    aml_home: Path, source: Path, witness: Path
) -> None:
    workspace = with_plugins(strict=Strict(), clumsy=Clumsy())

    with pytest.raises(InvalidInputError) as refusal:
        Experiment(workspace, "refused").submit(config(source, witness))

    for part in ("strict: Too dear. Take less.", "strict: No owner.", "clumsy: aml_validate_run failed: RuntimeError"):
        assert part in str(refusal.value)
    context = workspace.context
    assert list(context.store.runs.list("default")) == []
    assert list(context.store.tasks.list("default")) == []
    assert list(context.store.compute_targets.list("default")) == []
    history = context.history("default")
    assert "refused" not in [found.name for found in history.open_mlflow()[0].search_experiments()]  # type: ignore[attr-defined]


def test_an_observer_that_raises_disturbs_nobody(aml_home: Path, source: Path, witness: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    workspace = with_plugins(rude=Rude(), witness=Witness(told))

    run = Experiment(workspace, "x").submit(config(source, witness)).wait_for_completion(timeout=PATIENCE)

    assert run.status == "Completed"
    assert told.read_text().splitlines()[-2:] == ["Finalizing>Completed", "finished"]


def test_a_plugin_that_cannot_say_its_variables_ends_the_run_with_its_name(
    aml_home: Path, source: Path, witness: Path
) -> None:
    workspace = with_plugins(unlucky=Unlucky())

    run = Experiment(workspace, "x").submit(config(source, witness))
    run.wait_for_completion(raise_on_error=False, timeout=PATIENCE)

    assert run.status == "Failed"
    assert run.record is not None
    assert "'unlucky'" in str(run.record.reason)
    assert "no token today" in str(run.record.reason)
    assert lines(witness) == []
    assert workspace.context.store.compute_targets.claim_slot("default", "local", "f" * 32, 1)


@pytest.mark.parametrize("fatal", ["Queued", "Running", "Finalizing", "Completed"])
def test_events_of_a_driver_killed_before_it_told_of_them_are_told_by_the_next_in_order(
    aml_home: Path, source: Path, witness: Path, tmp_path: Path, fatal: str
) -> None:
    told = tmp_path / "told"
    pid = os.fork()
    if pid == 0:
        try:
            workspace = with_plugins(witness=Witness(told, fatal))
            seconds = 3.0 if fatal == "Running" else 0.0  # so long that a busy driver sees it run
            Experiment(workspace, "x").submit(config(source, witness, seconds)).wait_for_completion()
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    before = lines(told)
    assert fatal not in "".join(before)

    workspace = with_plugins(witness=Witness(told))
    (record,) = workspace.context.store.runs.list("default")
    Run(workspace, record).wait_for_completion(timeout=PATIENCE)
    Driver(workspace.context).drive([record.run_id])

    transitions = [line.split(">") for line in dict.fromkeys(lines(told)) if ">" in line]
    assert [new for _, new in transitions[:-1]] == [old for old, _ in transitions[1:]]  # in order, none missing
    assert (transitions[0][0], transitions[-1][1]) == ("NotStarted", "Completed")
    assert lines(told)[-1] == "finished"
    assert lines(witness) == [record.run_id]
