"""Following a task, cancelling one, and a store that is away for a while."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from aml_plugins import Experiment, ScriptRunConfig, Task, Workspace
from aml_plugins.errors import InvalidInputError, StoreError
from aml_plugins.store.records import TaskRecord

BUILD = TaskRecord(workspace="default", task_id="b", kind="image", subject="s", state="Running", progress=0.1)


@pytest.fixture
def workspace(aml_home):
    return Workspace.get()


def test_a_store_that_is_away_for_a_while_is_waited_for_and_no_event_is_missed(workspace, aml_home):
    tasks = workspace.context.store.tasks
    tasks.put(BUILD, message="one")
    events = Task.get(workspace, "b").events(follow=True)
    assert next(events).message == "one"
    tasks.put(BUILD, message="two")

    def rename(old: str, new: str) -> None:
        with sqlite3.connect(aml_home / "aml.db") as connection:
            connection.execute(f"ALTER TABLE {old} RENAME TO {new}")

    def come_back() -> None:
        rename("away", "aml_tasks")
        tasks.put(TaskRecord(workspace="default", task_id="b", kind="image", subject="s", state="Completed"))

    rename("aml_tasks", "away")
    with pytest.raises(StoreError):
        list(Task(workspace, BUILD).events())
    timer = threading.Timer(0.2, come_back)
    timer.start()
    rest = list(events)
    timer.join()
    assert [event.message for event in rest[:1]] == ["two"]
    assert rest[-1].new == "Completed"
    assert len({event.sequence for event in rest}) == len(rest)


def test_cancelling_a_runs_task_cancels_the_run(workspace, tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    (source / "endless.py").write_text("import time\nwhile True:\n    time.sleep(0.05)\n")
    config = ScriptRunConfig(source, script="endless.py", compute_target="local")
    run = Experiment(workspace, "x").submit(config)
    build = TaskRecord(workspace="default", task_id="env", kind="environment", subject=run.id, state="Running")
    workspace.context.store.tasks.put(build)

    Task.get(workspace, "env").cancel()

    states = [event.new for event in Task.get(workspace, run.id).events(follow=True)]
    assert states[-1] == "Canceled"
    assert run.status == "Canceled"


def test_a_task_that_nothing_can_end_says_so(workspace):
    workspace.context.store.tasks.put(BUILD)
    with pytest.raises(InvalidInputError, match="kind 'image' cannot be cancelled"):
        Task.get(workspace, "b").cancel()
