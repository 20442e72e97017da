"""Our application on a real database, asked in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.team_server import TeamServer
from services.team_server import team_server as running
from starlette.testclient import TestClient

from aml_plugins.context import open_context
from aml_plugins.server.access import Access
from aml_plugins.server.identity import OpenDoor
from aml_plugins.server.serving import Server
from aml_plugins.server.settings import ServerSettings


@pytest.fixture
def store_uri(aml_home: Path) -> str:
    return f"aml+sqlite:///{aml_home}/aml.db"


@pytest.fixture
def server(store_uri: str) -> Iterator[Server]:
    """A server without authentication, all workspaces of MLflow's there are in it."""
    from aml_plugins.mlflow_store.workspaces import has_workspace

    context = open_context(store_uri)
    access = Access(None, lambda name: has_workspace(store_uri, name))
    yield Server(
        settings=ServerSettings(store_uri=store_uri),
        context=context,
        access=access,
        door=OpenDoor(),
        requests=context.store.requests,
    )
    context.close()


@pytest.fixture
def client(server: Server) -> Iterator[TestClient]:
    from aml_plugins.server.api import create_api

    with TestClient(create_api(server), base_url="http://127.0.0.1/api/2.0/aml", raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="session")
def team_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamServer]:
    """A server with users and roles, in processes of its own."""
    with running(tmp_path_factory.mktemp("team")) as server:
        yield server
