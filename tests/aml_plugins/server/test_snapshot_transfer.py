"""A snapshot goes to a server once: what it has in a datastore it puts among the run's files itself."""

from __future__ import annotations

import os
import socket
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from aml_plugins.experiment import Experiment
from aml_plugins.script_run_config import ScriptRunConfig
from aml_plugins.workspace import Workspace

SIZE = 3_000_000


@contextmanager
def counted(port: int) -> Iterator[tuple[int, list[int]]]:
    """Pass connections on to a port of loopback, counting the bytes that go there; yields the port to connect to."""
    sent: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, sent), daemon=True).start()
        yield listener.getsockname()[1], sent


def _accept(listener: socket.socket, port: int, sent: list[int]) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:  # closed
            return
        far = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pump, args=(near, far, sent), daemon=True).start()
        threading.Thread(target=_pump, args=(far, near, []), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, passed: list[int]) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            passed.append(len(data))
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A script beside data that no zip makes smaller."""
    directory = tmp_path / "source"
    directory.mkdir()
    (directory / "run.py").write_text("print('ran')\n")
    (directory / "data.bin").write_bytes(os.urandom(SIZE))
    return directory


def files_of(workspace: Workspace, source: Path) -> list[str]:
    """Run the script to its end and return the run's files, having looked into its snapshot."""
    run = Experiment(workspace, "once").submit(ScriptRunConfig(source, script="run.py", compute_target="local"))
    run.wait_for_completion()
    there = run.download_file("snapshot/snapshot.zip", source.parent / f"{run.id}.zip")
    with zipfile.ZipFile(there) as archive:
        assert archive.read("data.bin") == (source / "data.bin").read_bytes()
    return list(run.get_file_names())


def test_a_snapshot_is_sent_once_and_an_unchanged_one_not_at_all(aml_server, aml_home, source):
    aml_server.empty()
    with counted(aml_server.port) as (port, sent):
        workspace = Workspace.connect(f"http://127.0.0.1:{port}", "team-a")
        assert "snapshot/snapshot.zip" in files_of(workspace, source)
        assert SIZE < sum(sent) < 1.5 * SIZE
        sent.clear()
        assert "snapshot/snapshot.zip" in files_of(workspace, source)
        assert sum(sent) < 0.5 * SIZE


def test_a_snapshot_in_a_datastore_that_the_server_does_not_open_is_sent_by_who_has_it(aml_server, aml_home, source):
    aml_server.empty()
    workspace = Workspace.connect(aml_server.url, "team-b")
    workspace.register_datastore("fsspec", "own", url=f"file://{source.parent}/own")
    workspace.set_default_datastore("own")
    try:
        assert "snapshot/snapshot.zip" in files_of(workspace, source)
    finally:
        workspace.set_default_datastore("workspace-files")
    assert list((source.parent / "own" / "snapshots").rglob("*.zip"))


@pytest.fixture
def run_path(server) -> str:
    history, run_id = server.context.history("default"), "a" * 32
    history.create_run(run_id, history.ensure_experiment("iris"), name=None, tags={})
    return f"/workspaces/default/mlflow-runs/{run_id}/snapshots"


def test_what_is_no_stored_snapshot_is_refused(client, aml_home, run_path):
    client.headers["X-AML-Request"] = "1"
    assert client.put(f"{run_path}/{'b' * 64}").status_code == 404
    assert client.put(f"{run_path}/nonsense").status_code == 400
    assert client.put(f"/workspaces/default/mlflow-runs/{'0' * 32}/snapshots/{'b' * 64}").status_code == 404
    gone = {"datastore": "workspace-files", "path": "gone.zip", "size": 1, "files": 1}
    leaving = {**gone, "path": "../../aml.db"}
    for number, body in enumerate((gone, leaving)):
        client.put(f"/workspaces/default/snapshots/{number}{'c' * 63}", json=body)
        assert client.put(f"{run_path}/{number}{'c' * 63}").status_code in {400, 404}
    assert client.get(run_path.replace("snapshots", "artifacts")).json()["items"] == []
    assert not list((aml_home / "uploads").iterdir())
