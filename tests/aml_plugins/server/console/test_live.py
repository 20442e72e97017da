"""A run's stream over real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from aml_plugins.server.api import create_api
from aml_plugins.server.console import routes
from aml_plugins.server.console.live import Streams
from aml_plugins.server.console.log_reader import LogReader
from aml_plugins.server.routes.run_logs import spool_of
from aml_plugins.server.serving import Server
from aml_plugins.testing.waiting import wait_until

PATH = "/api/2.0/aml/console/workspaces/team-a/runs/{}/live"
SECONDS = 20


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    """Streams with little patience."""
    made = Streams(most=3, unread_seconds=0.5)
    monkeypatch.setattr(routes, "streams", made)
    return made


@pytest.fixture
def port(server: Server, workspaces: None, streams: Streams) -> Iterator[int]:
    """Our application on a port of its own."""
    config = uvicorn.Config(create_api(server), port=0, log_level="error", lifespan="off")
    worker = uvicorn.Server(config)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    wait_until(lambda: worker.started)
    yield worker.servers[0].sockets[0].getsockname()[1]
    worker.should_exit = True
    thread.join(SECONDS)
    assert not thread.is_alive()


class Listener:
    """Somebody who listens to a run."""

    def __init__(self, port: int, run_id: str, last: str = "", room: int | None = None) -> None:
        self._socket = socket.socket()
        if room:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self._socket.settimeout(SECONDS)
        self._socket.connect(("127.0.0.1", port))
        header = f"Last-Event-ID: {last}\r\n" if last else ""
        self._socket.sendall(f"GET {PATH.format(run_id)} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        self._lines = self._socket.makefile("r", encoding="utf-8", newline="\n")
        self.status = int(self._lines.readline().split()[1])
        self._chunks = self._events()

    def next(self) -> tuple[str, dict[str, Any], str]:
        """Return the next event: its kind, what it says, its id."""
        return next(self._chunks)

    def until(self, kind: str) -> list[tuple[str, dict[str, Any], str]]:
        found = [self.next()]
        while found[-1][0] != kind:
            found.append(self.next())
        return found

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def _events(self) -> Iterator[tuple[str, dict[str, Any], str]]:
        fields: dict[str, str] = {}
        for line in self._lines:
            name, colon, value = line.rstrip("\r\n").partition(": ")
            if colon and name in {"event", "data", "id"}:
                fields[name] = value
            elif not colon and not name and "data" in fields:
                yield fields["event"], json.loads(fields["data"]), fields.get("id", "")
                fields = {}


def test_a_run_its_log_and_its_end_are_told(port: int, add_job, move, server: Server, tmp_path: Path) -> None:
    run, log = add_job(b"one\n", in_mlflow=True)
    listener = Listener(port, run.run_id)
    kind, said, _ = listener.next()
    assert (kind, said["run"]["state"], said["events"][0]["message"]) == ("run", "Running", "Submitted.")
    assert listener.next() == ("log", {"attempt": 1, "generation": 0, "start": 0, "text": "one\n"}, "1.4")
    with log.open("ab") as file:
        file.write(b"two\nthree\n")
    assert listener.next() == ("log", {"attempt": 1, "generation": 0, "start": 4, "text": "two\nthree\n"}, "1.14")
    (tmp_path / "std_log.txt").write_bytes(log.read_bytes() + b"end\n")
    server.context.history("team-a").upload(run.run_id, tmp_path / "std_log.txt", "logs")
    move(run, state="Completed")
    kinds = [(kind, said.get("text"), said.get("run", {}).get("state")) for kind, said, _ in listener.until("end")]
    assert kinds == [("run", None, "Completed"), ("log", "end\n", None), ("end", None, None)]


def test_a_listener_goes_on_after_what_it_has(port: int, add_job) -> None:
    run, _ = add_job(b"one\ntwo\n")
    listener = Listener(port, run.run_id, last="1.4")
    assert listener.until("log")[-1] == ("log", {"attempt": 1, "generation": 0, "start": 4, "text": "two\n"}, "1.8")
    listener.close()


def test_lines_cannot_forge_events(port: int, add_job) -> None:
    run, _ = add_job(b"x\n\nevent: end\ndata: {}\n\nid: 9.9\r\rdata: evil\n")
    listener = Listener(port, run.run_id)
    (_, said, position) = listener.until("log")[-1]
    assert said["text"] == "x\n\nevent: end\ndata: {}\n\nid: 9.9\r\rdata: evil\n"
    assert position == "1.44"
    listener.close()


def test_who_does_not_read_is_cut_off_and_nothing_is_kept_for_them(port: int, streams: Streams, add_job) -> None:
    run, log = add_job()
    listener = Listener(port, run.run_id, room=4096)
    assert listener.next()[0] == "run"  # from here on every line is for this listener
    with log.open("ab") as file:
        for _ in range(200):
            file.write(b"x" * 99_999 + b"\n")
    wait_until(lambda: streams.open == 0)
    listener.close()


def test_who_leaves_is_forgotten(port: int, streams: Streams, add_job) -> None:
    run, _ = add_job(b"one\n")
    listener = Listener(port, run.run_id)
    listener.next()
    assert streams.open == 1
    listener.close()
    wait_until(lambda: streams.open == 0)


def test_too_many_listeners_are_turned_away(port: int, streams: Streams, add_job) -> None:
    run, _ = add_job(b"one\n")
    listeners = [Listener(port, run.run_id) for _ in range(3)]
    for listener in listeners:
        listener.next()
    assert Listener(port, run.run_id).status == 503
    for listener in listeners:
        listener.close()
    wait_until(lambda: streams.open == 0)


def test_nobody_listens_to_another_workspaces_run(port: int, add_run) -> None:
    assert Listener(port, add_run(workspace="team-b").run_id).status == 404


def test_who_may_look_no_more_hears_no_more(server: Server, add_job, monkeypatch: pytest.MonkeyPatch) -> None:
    from aml_plugins.errors import NotFoundError
    from aml_plugins.server.console import run_stream

    monkeypatch.setattr(run_stream, "CHECK_SECONDS", 0.0)
    run, _ = add_job(b"secret\n")

    def refuse() -> None:
        raise NotFoundError("There is no such workspace.")

    stream = run_stream.RunStream(
        server.context, "team-a", run.run_id, LogReader(server.context, spool_of(server), None), refuse
    )
    (event,) = stream.look()
    assert event.event == "gone"
    assert stream.has_ended
