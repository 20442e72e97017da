"""A log that only the driver's machine sees, shown by a server elsewhere."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from services.aml_server import AmlServer

from aml_plugins import Run, ScriptRunConfig, Workspace
from aml_plugins.errors import LeaseLostError
from aml_plugins.runs.log_relay import LogRelay
from aml_plugins.runs.reconciliation.driver import Driver
from aml_plugins.server.log_spool import LONGEST, LogSpool
from aml_plugins.store.records import RunRecord
from aml_plugins.store.rest.store import RestStore
from aml_plugins.testing import FakeBackend, FakeJob, make_job
from aml_plugins.testing.waiting import wait_until

SECONDS = 30
SCRIPT = """
import sys, time
from pathlib import Path
print("it begins", flush=True)
while not Path(sys.argv[1]).exists():
    time.sleep(0.02)
print("it ends", flush=True)
"""


@pytest.fixture
def workspace(aml_home: Path, aml_server: AmlServer, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace behind a server whose home is another one, as on another machine."""
    aml_server.empty()
    return Workspace.get("team-a", store=aml_server.url)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path, gate: Path) -> Run:
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(SCRIPT)
    return workspace.experiment("far").submit(ScriptRunConfig(source, script="train.py", arguments=[gate]))


@pytest.fixture
def shown(aml_server: AmlServer, run: Run) -> Callable[[], str]:
    """What the console's download of the log has now."""

    def read() -> str:
        path = f"/api/2.0/aml/console/workspaces/team-a/runs/{run.id}/log"
        with urllib.request.urlopen(aml_server.url + path, timeout=SECONDS) as answer:
            return str(answer.read().decode())

    return read


def test_the_server_shows_what_a_run_elsewhere_prints(
    workspace: Workspace, run: Run, gate: Path, shown: Callable[[], str], aml_server: AmlServer
) -> None:
    workspace.driver.release()  # a thread has a driver of its own
    waiting = threading.Thread(target=run.wait_for_completion)
    waiting.start()
    wait_until(lambda: shown() == "it begins\n")
    gate.touch()
    waiting.join(SECONDS)
    assert shown() == "it begins\nit ends\n"
    assert list((aml_server.directory / "home" / "server" / "logs").iterdir()) == []


def test_a_further_driver_and_a_server_that_lost_it_go_on(
    workspace: Workspace, run: Run, gate: Path, shown: Callable[[], str], aml_server: AmlServer
) -> None:
    first = workspace.driver
    wait_until(lambda: first.drive([run.id]) and shown() == "it begins\n")
    first.release()
    second = Driver(workspace.context)
    wait_until(lambda: second.drive([run.id])[run.id].state == "Running")
    assert shown() == "it begins\n"
    for file in (aml_server.directory / "home" / "server" / "logs").iterdir():
        file.unlink()
    gate.touch()
    while second.drive([run.id])[run.id].state == "Running":
        assert "it begins\nit ends\n".startswith(shown())
    wait_until(lambda: second.drive([run.id])[run.id].state == "Completed")
    assert shown() == "it begins\nit ends\n"


def test_what_its_target_began_again_is_shown_from_its_beginning(
    workspace: Workspace,
    run: Run,
    shown: Callable[[], str],
    fake_backend: FakeBackend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = drive_until_it_runs(workspace, run)
    fake_backend.job = FakeJob(running=10, log=b"first\n")
    monkeypatch.setattr(fake_backend, "is_own_machine", True, raising=False)
    handle = fake_backend.submit(make_job(Path(), "aml-1-1", ""), str(record.handle["job_id"]))
    relay = LogRelay(workspace.context, workspace.driver.owner)
    with monkeypatch.context() as patched:
        patched.setattr(workspace.context.backends, "get", lambda _workspace, _name: fake_backend)
        relay.pass_on([record])
        assert shown() == "first\n"
        fake_backend.begin_again(handle, FakeJob(running=10, log=b"the second one\n"))
        relay.pass_on([record])
        assert shown() == "the second one\n"
        LogRelay(workspace.context, workspace.driver.owner).pass_on([record])
        assert shown() == "the second one\n"
    run.cancel()
    run.wait_for_completion(raise_on_error=False)


def drive_until_it_runs(workspace: Workspace, run: Run) -> RunRecord:
    wait_until(lambda: workspace.driver.drive([run.id])[run.id].state == "Running")
    return workspace.driver.drive([run.id])[run.id]


def test_only_who_drives_a_run_says_what_it_prints(workspace: Workspace, run: Run, gate: Path) -> None:
    store = workspace.context.store
    assert isinstance(store, RestStore)
    record = store.runs.get("team-a", run.id)
    with pytest.raises(LeaseLostError):
        store.run_logs.append(record, "somebody else", 0, b"lies")
    gate.touch()
    run.wait_for_completion()
    with pytest.raises(LeaseLostError):
        store.run_logs.append(record, record.lease_owner or "", 0, b"late")


@pytest.mark.parametrize(
    "changes", [{"data": "%%%"}, {"offset": -1}, {"attempt": 0}, {"data": None}, {"more": 1}], ids=str
)
def test_what_is_no_piece_of_a_log_is_refused(
    aml_server: AmlServer, run: Run, workspace: Workspace, gate: Path, changes: dict[str, Any]
) -> None:
    owner = workspace.driver.owner
    body = {"owner": owner, "attempt": 1, "offset": 0, "data": ""} | changes
    request = urllib.request.Request(
        f"{aml_server.url}/api/2.0/aml/workspaces/team-a/runs/{run.id}/log",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=SECONDS)
    assert refused.value.code == 400
    gate.touch()
    run.wait_for_completion()


def test_a_database_needs_no_relay(aml_home: Path, tmp_path: Path) -> None:
    workspace = Workspace.create("near")
    LogRelay(workspace.context, "me").pass_on([])
    assert not hasattr(workspace.context.store, "run_logs")


def test_a_spool_takes_pieces_in_order_and_each_once(tmp_path: Path) -> None:
    spool = LogSpool(tmp_path / "logs")
    assert spool.append("a", 1, 0, b"one") == 3
    assert spool.append("a", 1, 0, b"one") == 3
    assert spool.append("a", 1, 2, b"e two") == 7
    assert spool.append("a", 1, 9, b"later") == 7
    assert spool.append("a", 2, 0, b"again") == 5
    assert spool.read("a", 1).data == b"one two"
    assert spool.read("a", 1, "4:0").data == b"two"
    assert spool.read("../a", 1).data == b""
    spool.forget("a", 1)
    assert spool.read("a", 1).data == b""
    assert spool.read("a", 2).data == b"again"


def test_a_spool_begins_again_with_the_job(tmp_path: Path) -> None:
    spool = LogSpool(tmp_path / "logs")
    assert spool.append("a", 1, 0, b"first", generation=7) == 5
    seen = spool.read("a", 1)
    assert (spool.read("a", 1, seen.cursor).data, seen.generation) == (b"", 7)
    assert spool.append("a", 1, 0, b"", generation=8) == 0
    assert spool.append("a", 1, 0, b"second", generation=8) == 6
    assert spool.read("a", 1, seen.cursor) == spool.read("a", 1)
    assert (spool.read("a", 1).data, spool.read("a", 1).generation) == (b"second", 8)
    spool.forget("a", 1)
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_spool_is_bounded(tmp_path: Path) -> None:
    spool = LogSpool(tmp_path / "logs")
    spool.append("a", 1, 0, b"")
    with next((tmp_path / "logs").iterdir()).open("r+b") as file:
        file.truncate(LONGEST)
    assert spool.append("a", 1, LONGEST, b"more") == LONGEST + 4
    assert next((tmp_path / "logs").iterdir()).stat().st_size == LONGEST
