"""A server tells what happens to a task; nobody has to ask."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from services.aml_server import AmlServer, running_aml_server

from aml_plugins import Task, Workspace
from aml_plugins.errors import NotFoundError, StoreError
from aml_plugins.store.records import TaskRecord
from aml_plugins.testing.waiting import wait_until

BUILD = TaskRecord(workspace="default", task_id="b", kind="image", subject="s", state="Running", progress=0.1)


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[AmlServer]:
    with running_aml_server(tmp_path_factory.mktemp("told") / "server", database=migrated_database) as started:
        yield started


@pytest.fixture
def server(one_server: AmlServer) -> AmlServer:
    if one_server.process.poll() is not None:  # killed by the test before
        one_server.start()
    one_server.empty()
    return one_server


@pytest.fixture
def workspace(server: AmlServer, aml_home: Path) -> Iterator[Workspace]:
    opened = Workspace.connect(server.url)
    yield opened
    opened.close()


def asked(server: AmlServer) -> int:
    """How often somebody asked for the task or its events, but for the stream."""
    return len(
        re.findall(r"GET /api/2\.0/aml/workspaces/default/tasks/b(?:/events)?(?:\?\S*)? ", server.log.read_text())
    )


def test_events_come_as_they_happen_and_nobody_asks(server, workspace):
    tasks = workspace.context.store.tasks
    tasks.put(BUILD, message="one")
    followed = Task.get(workspace, "b").events(follow=True)
    assert next(followed).message == "one"
    before = asked(server)
    for step in range(5):
        tasks.put(replace(BUILD, progress=step / 5), message=f"step {step}")
        assert next(followed).message == f"step {step}"
    assert asked(server) == before
    tasks.put(replace(BUILD, state="Completed"), message="done")
    assert [event.message for event in followed] == ["done"]


def test_a_server_that_is_killed_meanwhile_is_waited_for_and_no_event_is_missed(server, workspace):
    tasks = workspace.context.store.tasks
    tasks.put(BUILD, message="one")
    followed = Task.get(workspace, "b").events(follow=True)
    assert next(followed).message == "one"
    server.kill()

    def come_back() -> None:
        server.start()
        tasks.put(BUILD, message="two")
        tasks.put(replace(BUILD, state="Completed"), message="three")

    returning = threading.Thread(target=come_back)
    returning.start()
    assert [event.message for event in followed] == ["two", "three"]
    returning.join()


def test_a_server_that_stays_away_is_an_error(server, workspace, monkeypatch):
    monkeypatch.setattr("aml_plugins.tasks.following.PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr("aml_plugins.store.rest.connection._PATIENCE", 1.0)
    workspace.context.store.tasks.put(BUILD, message="one")
    followed = Task.get(workspace, "b").events(follow=True)
    assert next(followed).message == "one"
    server.kill()
    with pytest.raises(StoreError, match=r"cannot be reached|ended the stream"):
        list(followed)


def test_who_stops_listening_leaves_no_thread(server, workspace):
    workspace.context.store.tasks.put(BUILD, message="one")
    followed = Task.get(workspace, "b").events(follow=True)
    assert next(followed).message == "one"
    followed.close()
    workspace.context.store.tasks.put(BUILD, message="two")  # the next thing that comes ends it
    wait_until(lambda: all(thread.name != "aml-task-events" for thread in threading.enumerate()))


def test_a_task_that_is_not_there_is_not_found(workspace):
    with pytest.raises(NotFoundError):
        list(Task(workspace, replace(BUILD, task_id="none")).events(follow=True))
