"""Both stores on one database, so that what one wrote the other can read."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from mlflow.store.db import utils as mlflow_db
from services.shared_directories import made_once

sys.path.insert(0, str(Path(__file__).parent))

from fast_store_pair import Pair, open_pair


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_uri(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with MLflow's tables, which one process of the run makes and the others copy."""
    if request.param == "sqlite":
        made = made_once(tmp_path_factory, "mlflow.db", lambda path: make_tables(f"sqlite:///{path}"))
        yield f"sqlite:///{shutil.copy(made, tmp_path_factory.mktemp('fast-store'))}"
        return
    server = request.getfixturevalue("postgresql")

    def make(path: Path) -> None:
        name = server.create_database()
        make_tables(server.uri(name))
        server.dump(name, path)
        server.drop_database(name)

    name = server.load(made_once(tmp_path_factory, "mlflow.sql", make))
    yield server.uri(name)
    server.drop_database(name)


def make_tables(uri: str) -> None:
    engine = sa.create_engine(uri)
    mlflow_db._initialize_tables(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def pair(database_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = open_pair(database_uri, str(tmp_path_factory.mktemp("artifacts")))
    yield pair
    pair.plain._dispose_engine()
