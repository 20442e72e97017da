"""Server-sent events: what happens to a task, as it happens."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
import uuid
from dataclasses import replace

import pytest

from aml_plugins.errors import NotFoundError
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import TaskRecord

BUILD = TaskRecord(workspace="team-a", task_id="", kind="environment", subject="1", state="Running")


@pytest.fixture
def store(aml_server):
    return open_store(aml_server.url)


@pytest.fixture
def task(store):
    record = replace(BUILD, task_id=f"build-{uuid.uuid4().hex[:8]}")
    store.tasks.put(record, message="Begun.")
    return record


def path_of(task: TaskRecord, query: str = "") -> str:
    return f"/api/2.0/aml/workspaces/team-a/tasks/{task.task_id}/events/stream{query}"


def events(url: str, headers: dict | None = None):
    """Yield ``(event, id, data)`` until the server closes the stream."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=30) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        found: dict[str, str] = {}
        for line in stream.read().decode().splitlines():
            name, _, value = line.partition(": ")
            if line:
                found[name] = value
            elif "event" in found:
                yield found["event"], found.get("id"), json.loads(found["data"])
                found = {}


def test_a_task_is_followed_to_its_end(aml_server, store, task):
    def work():
        for step in (0.25, 0.5, 0.75):
            store.tasks.put(replace(task, progress=step))
        store.tasks.put(replace(task, state="Completed", progress=1.0), message="Built.")

    worker = threading.Thread(target=work)
    worker.start()
    seen = list(events(aml_server.url + path_of(task)))
    worker.join()
    assert [event for event, _, _ in seen] == ["task"] * 5 + ["end"]
    assert [data.get("progress") for _, _, data in seen[:-1]] == [None, 0.25, 0.5, 0.75, 1.0]
    assert seen[-1][2] == {"state": "Completed"}


def test_a_reader_that_comes_again_goes_on(aml_server, store, task):
    store.tasks.put(replace(task, state="Failed"), message="No.")
    first, *_ = store.tasks.events("team-a", task.task_id)
    again = list(events(aml_server.url + path_of(task), {"Last-Event-ID": str(first.sequence)}))
    asked = list(events(aml_server.url + path_of(task, f"?after={first.sequence}")))
    assert [data.get("new") for _, _, data in again] == ["Failed", None]
    assert asked == again


def test_a_task_that_is_not_there_is_not_found(store):
    with pytest.raises(NotFoundError):
        store.connection.stream(path_of(replace(BUILD, task_id="none")))


def test_readers_that_stop_reading_hold_nobody_up(aml_server, store, task):
    """Each asks for a stream and never reads; large events fill what lies between."""
    readers = []
    for _ in range(20):
        reader = socket.create_connection(("127.0.0.1", aml_server.port))
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.sendall(f"GET {path_of(task)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        readers.append(reader)
    for number in range(20):
        store.tasks.put(replace(task, progress=number / 20), message="x" * 50_000)
    begun = time.monotonic()
    assert store.tasks.get("team-a", task.task_id).progress == 0.95
    assert time.monotonic() - begun < 10
    store.tasks.put(replace(task, state="Completed"))
    for reader in readers:
        reader.close()
