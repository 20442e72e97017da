"""Databases of the adapter's tests: each test has its own, copied from one that was set up once."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.aml_server import AmlServer
from services.mlflow_server import MlflowServer, clean_environment, shared_server
from services.postgresql import PostgresqlServer
from services.shared_directories import made_once

from aml_plugins.context import open_run_history
from aml_plugins.mlflow_store.workspaces import create_workspace
from aml_plugins.runs.history import RunHistory
from aml_plugins.store.interface import Store
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord

WORKSPACES = ("team-a", "team-b")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Path:
    """A SQLite database with the workspaces ``team-a`` and ``team-b``."""
    path = tmp_path_factory.mktemp("template") / "aml.db"
    shutil.copyfile(migrated_database, path)
    for name in WORKSPACES:
        create_workspace(f"aml+sqlite:///{path}", name)
    return path


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in os.environ:
        if key.startswith(("MLFLOW_", "AML_")):
            monkeypatch.delenv(key)
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


@pytest.fixture
def sqlite_uri(tmp_path: Path, template: Path) -> str:
    path = tmp_path / "aml.db"
    source, target = sqlite3.connect(template), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return f"aml+sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PostgreSQL database with both workspaces: one process of the run makes it, and each server gets a copy."""

    def make(path: Path) -> None:
        name = postgresql.create_database()
        code = "import sys; from aml_plugins.mlflow_store.workspaces import create_workspace as new"
        code += "; [new(sys.argv[1], name) for name in sys.argv[2:]]"
        command = [sys.executable, "-c", code, f"aml+{postgresql.uri(name)}", *WORKSPACES]
        subprocess.run(command, env=clean_environment(tmp_path_factory.mktemp("home")), check=True, timeout=240)
        postgresql.dump(name, path)

    return postgresql.load(made_once(tmp_path_factory, "workspaces.sql", make))


@pytest.fixture
def aml_postgresql_uri(postgresql: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    name = postgresql.create_database(postgresql_template)
    yield f"aml+{postgresql.uri(name)}"
    postgresql.drop_database(name)


@pytest.fixture(params=["sqlite_uri", "aml_postgresql_uri"], ids=["sqlite", "postgresql"])
def store_uri(request: pytest.FixtureRequest) -> str:
    """A database of either kind with the two workspaces."""
    uri: str = request.getfixturevalue(request.param)
    return uri


@pytest.fixture(params=["sqlite_uri", "aml_postgresql_uri", "server_uri"], ids=["sqlite", "postgresql", "server"])
def any_store_uri(request: pytest.FixtureRequest) -> str:
    """A database of either kind, or a server, with the two workspaces."""
    uri: str = request.getfixturevalue(request.param)
    return uri


@pytest.fixture
def server_uri(aml_server: AmlServer) -> str:
    aml_server.empty()
    return aml_server.url


@pytest.fixture
def history(store_uri: str) -> RunHistory:
    return open_run_history(store_uri, "team-a")


@pytest.fixture
def jobs(store_uri: str) -> Iterator[Store]:
    store = open_store(store_uri)
    yield store
    store.close()


@pytest.fixture
def new_run(history: RunHistory) -> Callable[..., str]:
    def create(**arguments: object) -> str:
        run_id = uuid.uuid4().hex
        experiment = history.ensure_experiment("iris")
        history.create_run(run_id, experiment, **{"name": None, "tags": {}, **arguments})
        return run_id

    return create


@pytest.fixture
def new_job(jobs: Store, history: RunHistory, new_run: Callable[..., str]) -> Callable[..., str]:
    """A run that executes: known to MLflow and to our tables."""

    def create(**fields: object) -> str:
        run_id = new_run()
        experiment = history.ensure_experiment("iris")
        known = {"target": "local", "target_type": "local", "state": "Running", "script": "train.py", "config": {}}
        record = {"workspace": "team-a", "run_id": run_id, "experiment_id": experiment, "experiment_name": "iris"}
        jobs.runs.add(RunRecord(**{**known, **record, **fields}))
        return run_id

    return create


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python in a process of its own, in an empty directory."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=directory,
            env=clean_environment(tmp_path / "home") | variables,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with shared_server(shared / "mlflow-server") as server:
        yield server
