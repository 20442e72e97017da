"""Services that any test may ask for by a fixture."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests are imported by path (import mode "importlib"), which makes nothing here importable by name.
sys.path.insert(0, str(Path(__file__).parent))

from services.postgresql import INSTALL, PostgresqlServer, find_programs, running_server
from services.requirements import require_service


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of this test process, started by the first test that asks for it."""
    programs = find_programs()
    require_service("PostgreSQL", programs, INSTALL)
    assert programs is not None
    with running_server(programs) as server:
        yield server


@pytest.fixture
def postgresql_uri(postgresql: PostgresqlServer) -> Iterator[str]:
    """An empty database, ``postgresql://…``."""
    name = postgresql.create_database()
    yield postgresql.uri(name)
    postgresql.drop_database(name)
