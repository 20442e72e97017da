"""One suite, every store: tests ask for ``store`` and run once a kind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.run_records import new_run as new_run_record

from aml_plugins.store.interface import Store
from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord

DATABASES = ["sqlite", "postgresql"]
KINDS = [*DATABASES, "server"]


@pytest.fixture(params=DATABASES)
def database_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URI of a database that does not exist yet."""
    return _database(request, tmp_path)


@pytest.fixture(params=KINDS)
def store_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URI of a store with nothing in it."""
    if request.param == "server":
        server = request.getfixturevalue("aml_server")
        server.empty()
        return str(server.url)
    return _database(request, tmp_path)


def _database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"aml+sqlite:///{tmp_path / 'aml.db'}"
    return f"aml+{request.getfixturevalue('postgresql_uri')}"


@pytest.fixture
def store(store_uri: str) -> Iterator[Store]:
    opened = open_store(store_uri)
    yield opened
    opened.close()


@pytest.fixture
def owner() -> str:
    return new_owner()


@pytest.fixture
def new_run(owner: str) -> Callable[..., RunRecord]:
    """Make a record that ``runs.add`` accepts; keyword arguments replace its fields."""

    def make(**changes: object) -> RunRecord:
        config = {"arguments": ["--alpha", "0.5"], "environment": {"variables": {"A": "ü"}}}
        return new_run_record(**{"workspace": "team-a", "config": config, "lease_owner": owner} | changes)

    return make


@pytest.fixture
def python() -> Callable[[str], str]:
    """Run a program in a fresh interpreter and return what it printed."""

    def run(program: str) -> str:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return run
