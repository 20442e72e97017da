"""A store with a run in it, and a web server that receives what webhooks send."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord, TaskEvent


@dataclass
class Receiver:
    """What arrived, and what to answer: the answers in turn, then 204 for ever."""

    url: str
    answers: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append((dict(self.headers), body))
            answer = found.answers.pop(0) if found.answers else 204
            if answer == 0:
                self.close_connection = True  # no answer at all
                return
            self.send_response(answer)
            if answer in {301, 302, 307}:
                self.send_header("Location", f"{found.url}/elsewhere")
            self.end_headers()

        def do_GET(self):
            found.received.append(({"method": "GET"}, b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def event() -> TaskEvent:
    return TaskEvent(
        workspace="team-ü",
        task_id="r1",
        kind="run",
        subject="r1",
        sequence=7,
        time=1_700_000_000.25,
        old="Queued",
        new="Running",
        progress=0.5,
        message="Started.",
    )


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"aml+sqlite:///{tmp_path}/aml.db")
    yield opened
    opened.close()


@pytest.fixture
def add_run(store) -> Callable[..., RunRecord]:
    def add_run(run_id: str = "r" * 32, **fields) -> RunRecord:
        return store.runs.add(
            RunRecord(
                workspace="team",
                run_id=run_id,
                experiment_id="1",
                experiment_name="iris",
                target="local",
                target_type="local",
                state="NotStarted",
                script="train.py",
                config={},
                lease_owner="test",
                lease_until=4e9,
                **fields,
            ),
            "Submitted.",
        )

    return add_run
