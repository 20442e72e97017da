"""One suite, every store: tests ask for ``store`` and run once a kind."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aml_plugins.store.interface import Store
from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord

KINDS = ["sqlite", "postgresql", "server"]


@pytest.fixture(params=KINDS)
def store_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URI of a store that does not exist yet."""
    if request.param == "sqlite":
        return f"aml+sqlite:///{tmp_path / 'aml.db'}"
    if request.param == "server":
        server = request.getfixturevalue("aml_server")
        server.empty()
        return str(server.url)
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
        values: dict = {
            "workspace": "team-a",
            "run_id": uuid.uuid4().hex,
            "experiment_id": "1",
            "experiment_name": "iris",
            "target": "box",
            "target_type": "local",
            "state": "NotStarted",
            "script": "train.py",
            "config": {"arguments": ["--alpha", "0.5"], "environment": {"variables": {"A": "ü"}}},
            "lease_owner": owner,
        }
        return RunRecord(**(values | changes))

    return make
