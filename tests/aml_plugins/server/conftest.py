"""Our application on a real database, asked in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.aml_server import AmlServer, running_aml_server
from services.aml_users import add_users, auth_variables
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


@pytest.fixture(scope="session")
def auth_server(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[AmlServer]:
    """A server with authentication, two workspaces, and a user of each role in each."""
    from aml_plugins.mlflow_store.workspaces import create_workspace

    directory = tmp_path_factory.mktemp("auth-server")
    with running_aml_server(directory, database=migrated_database, **auth_variables(directory / "users")) as server:
        for name in ("team-a", "team-b"):
            create_workspace(server.store_uri, name)
        add_users(server.url, ["team-a", "team-b"])
        yield server
