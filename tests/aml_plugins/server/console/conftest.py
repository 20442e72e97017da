"""Runs to look at, in a database of the test's own."""

from __future__ import annotations

import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from aml_plugins.home import home_id
from aml_plugins.mlflow_store.workspaces import create_workspace
from aml_plugins.server.serving import Server
from aml_plugins.store.records import RunRecord, SnapshotRecord

DIGEST = "ab" * 32


@pytest.fixture
def workspaces(server: Server, store_uri: str) -> None:
    for name in ("team-a", "team-b"):
        create_workspace(store_uri, name)


@pytest.fixture
def add_run(server: Server, workspaces: None) -> Callable[..., RunRecord]:
    """Write a run down; with ``in_mlflow`` also where its metrics and files are."""

    def add(*, in_mlflow: bool = False, **fields: Any) -> RunRecord:
        known: dict[str, Any] = {"workspace": "team-a", "run_id": uuid.uuid4().hex, "experiment_id": "1"}
        known |= {"experiment_name": "iris", "target": "local", "target_type": "local", "state": "Running"}
        record = RunRecord(**{**known, "script": "train.py", "config": {"script": "train.py"}, **fields})
        if in_mlflow:
            history = server.context.history(record.workspace)
            record = replace(record, experiment_id=history.ensure_experiment(record.experiment_name))
            history.create_run(record.run_id, record.experiment_id, name=record.name, tags={})
        return server.store.runs.add(record, message="Submitted.")

    return add


@pytest.fixture
def move(server: Server) -> Callable[..., RunRecord]:
    """Change a run as its driver does."""

    def change(run: RunRecord, **changes: Any) -> RunRecord:
        server.store.runs.acquire([run.run_id], "test", 60)
        current = server.store.runs.get(run.workspace, run.run_id)
        saved = server.store.runs.save(replace(current, **changes), owner="test")
        server.store.runs.release([run.run_id], "test")
        return saved

    return change


@pytest.fixture
def add_snapshot(server: Server, tmp_path: Path) -> Callable[..., SnapshotRecord]:
    """Store a zip with these members as a snapshot of ``team-a``."""

    def add(members: dict[str, bytes], *, workspace: str = "team-a", raw: bytes | None = None) -> SnapshotRecord:
        from aml_plugins.datastores.opening import default_datastore

        path = tmp_path / "snapshot.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        if raw is not None:
            path.write_bytes(raw)
        datastore = default_datastore(server.context, workspace)
        datastore.put(path, "snapshots/one.zip")
        record = SnapshotRecord(
            workspace=workspace,
            digest=DIGEST,
            datastore=datastore.name,
            path="snapshots/one.zip",
            size=path.stat().st_size,
            files=len(members),
            created_at=time.time(),
        )
        return server.store.snapshots.put(record)

    return add


@pytest.fixture
def client(server: Server, workspaces: None) -> Iterator[TestClient]:
    """Asks any path, the page's as well as the API's."""
    from aml_plugins.server.api import create_api

    with TestClient(create_api(server), base_url="http://127.0.0.1", raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def add_job(server: Server, add_run: Callable[..., RunRecord]) -> Callable[..., tuple[RunRecord, Path]]:
    """A run whose job is a directory on this machine; returns the run and the file of its log."""

    def add(log: bytes = b"", **fields: Any) -> tuple[RunRecord, Path]:
        key = f"aml-{uuid.uuid4().hex}-1"
        job = server.context.home / "targets" / "team-a" / "local" / "jobs" / key
        job.mkdir(parents=True)
        (job / "std_log.txt").write_bytes(log)
        handle = {"backend": "local", "target": "local", "job_id": key, "data": {}, "version": 1}
        return add_run(
            **{"handle": handle, "source": {"home": home_id(server.context.home)}, **fields}
        ), job / "std_log.txt"

    return add
