"""Both stores on one database, so that what one wrote the other can read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fast_store_pair import Pair, open_pair


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_uri(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('fast-store')}/mlflow.db"
        return
    server = request.getfixturevalue("postgresql")
    name = server.create_database()
    yield server.uri(name)
    server.drop_database(name)


@pytest.fixture(scope="session")
def pair(database_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = open_pair(database_uri, str(tmp_path_factory.mktemp("artifacts")))
    yield pair
    pair.plain._dispose_engine()
