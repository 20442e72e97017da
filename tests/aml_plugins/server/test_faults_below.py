"""A server whose database goes away, that is killed while it migrates, and while its monitor drives a run."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from services.aml_server import AmlServer, running_aml_server
from services.loopback import free_port
from services.postgresql import INSTALL, find_programs, running_server
from services.requirements import require_service
from services.run_records import new_run

from aml_plugins import ScriptRunConfig, Workspace
from aml_plugins.errors import AmlError
from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import ComputeTargetRecord, RunRecord
from aml_plugins.testing.waiting import wait_until

pytestmark = pytest.mark.timeout(900)

RUNS = 40


def test_a_database_that_goes_away_and_comes_back_costs_nothing(tmp_path: Path, migrated_statements: Path) -> None:
    """Clients wait and repeat what may be repeated; the server's connections are made anew."""
    programs = find_programs()
    require_service("PostgreSQL", programs, INSTALL)
    # What was said to be written must be there afterwards: no short cuts of the tests' usual servers.
    with running_server(programs, settings={"synchronous_commit": "on"}) as database:
        uri = f"aml+{database.uri(database.load(migrated_statements))}"
        with running_aml_server(tmp_path / "server", store_uri=uri) as server:
            store, owner = open_store(server.url), new_owner()
            done: list[RunRecord] = []
            problems: list[AmlError] = []

            def submit() -> None:
                try:
                    for _ in range(RUNS):
                        run = store.runs.add(new_run(lease_owner=owner), message="Submitted.")
                        for step in range(3):
                            changed = replace(run, cursors={"log": step})
                            run = store.runs.save(changed, owner=owner, message=f"Step {step}.")
                        done.append(run)
                except AmlError as error:
                    problems.append(error)

            worker = threading.Thread(target=submit)
            worker.start()
            wait_until(lambda: len(done) >= RUNS // 4 or problems)
            database.stop()
            _is_said_to_be_away(server)
            database.start()
            worker.join()
            assert problems == []
            stored = {run.run_id: run for run in store.runs.list("default", limit=1000)}
            assert stored == {run.run_id: run for run in done}
            for run in done:
                events = [event.message for event in store.tasks.events("default", run.run_id)]
                assert events == ["Submitted.", "Step 0.", "Step 1.", "Step 2."]


def _is_said_to_be_away(server: AmlServer) -> None:
    """The server lives, and says in a sentence what is missing."""
    assert server.process is not None
    assert server.process.poll() is None
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server.url}/api/2.0/aml/workspaces/default/runs", timeout=60)
    said = json.loads(caught.value.read())
    assert (caught.value.code, said["error_code"]) == (503, "store")
    assert "cannot be reached" in said["message"]
    assert "Traceback" not in str(said)


DYING = """
import os, signal
from sqlalchemy import Engine, event

left = int(os.environ["DIE_AFTER"])

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, parameters, context, many):
    global left
    if "aml_" in statement and statement.lstrip().upper().startswith(("CREATE", "INSERT", "UPDATE", "ALTER")):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("statements", [1, 14])
def test_a_server_that_is_killed_while_it_migrates_is_started_again(
    tmp_path: Path, migrated_database: Path, statements: int
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(DYING)
    server = AmlServer(tmp_path / "server", f"aml+sqlite:///{tmp_path}/aml.db", free_port())
    (tmp_path / "aml.db").write_bytes(migrated_database.read_bytes())
    with closing(sqlite3.connect(tmp_path / "aml.db")) as connection, connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'aml@_%' ESCAPE '@'")
        ]
        for name in names:
            kind = (
                "INDEX"
                if name not in {row[0] for row in connection.execute("SELECT tbl_name FROM sqlite_master")}
                else "TABLE"
            )
            connection.execute(f"DROP {kind} IF EXISTS {name}")
    server.variables = {"PYTHONPATH": str(tmp_path / "site"), "DIE_AFTER": str(statements)}
    server.start(wait=False)
    assert server.process is not None
    assert server.process.wait(300) == -signal.SIGKILL
    server.variables = {}
    server.start()
    try:
        store = open_store(server.url)
        store.compute_targets.add(ComputeTargetRecord(workspace="default", name="box", type="local"))
        assert [target.name for target in store.compute_targets.list("default")] == ["box"]
        assert store.services.list("default") == []
    finally:
        server.stop()


SCRIPT = """
import pathlib, sys, time
places = pathlib.Path(sys.argv[1])
with (places / "starts").open("a") as starts:
    starts.write("started\\n")
while not (places / "go").exists():
    time.sleep(0.05)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/done.txt").write_text("done")
"""


def test_a_server_that_is_killed_while_its_monitor_drives_goes_on_afterwards(
    tmp_path: Path, migrated_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, places = tmp_path / "source", tmp_path / "places"
    source.mkdir()
    places.mkdir()
    (source / "wait.py").write_text(SCRIPT)
    with running_aml_server(tmp_path / "server", database=migrated_database, AML_SERVER_MONITOR="1") as server:
        for name in list(os.environ):
            if name.startswith(("AML_", "MLFLOW_")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("AML_HOME", str(server.directory / "home"))
        monkeypatch.setenv("AML_AUTO_MONITOR", "0")
        workspace = Workspace.get(store=server.store_uri)
        config = ScriptRunConfig(source, script="wait.py", arguments=[str(places)], compute_target="local")
        run = workspace.experiment("faults").submit(config)
        workspace.driver.release()
        runs = workspace.context.store.runs
        wait_until(lambda: runs.get("default", run.id).state == "Running")
        wait_until((places / "starts").exists)
        server.kill()
        (places / "go").touch()  # it ends while nobody looks
        server.start()
        wait_until(lambda: runs.get("default", run.id).state == "Completed")
        assert (places / "starts").read_text() == "started\n"
        assert [file.path for file in workspace.context.history("default").files(run.id, "outputs")] == [
            "outputs/done.txt"
        ]
        events = [event.new for event in workspace.context.store.tasks.events("default", run.id) if event.new]
        assert events[-3:] == ["Running", "Finalizing", "Completed"]
        assert events.count("Running") == 1
        workspace.close()
