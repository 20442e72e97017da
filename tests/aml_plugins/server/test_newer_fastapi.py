"""The server on the FastAPI that people get who install it without Airflow: the pins here have the one it allows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from services.aml_server import AmlServer, running_aml_server
from services.aml_users import add_users, ask, auth_variables

ROOT = Path(__file__).parents[3]
API = "/api/2.0/aml"

pytestmark = pytest.mark.xdist_group("newer-fastapi")  # they share a server


@pytest.fixture(scope="module")
def newer() -> str:
    done = subprocess.run([ROOT / "tools" / "fastapi", "find"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("There is no newer FastAPI here. Run: tools/fastapi install")
    return done.stdout.strip()


@pytest.fixture(scope="module")
def server(newer: str, tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[AmlServer]:
    directory = tmp_path_factory.mktemp("newer-fastapi")
    variables = {"PYTHONPATH": newer, **auth_variables(directory / "auth")}
    with running_aml_server(directory / "server", database=migrated_database, **variables) as server:
        add_users(server.url, ["default"])
        yield server


def test_it_is_another_one_than_in_this_process(newer: str) -> None:
    show = "import fastapi; print(fastapi.__version__)"
    versions = [
        subprocess.run([sys.executable, "-c", show], env=variables, capture_output=True, text=True, check=True).stdout
        for variables in ({}, {"PYTHONPATH": newer})
    ]
    assert versions[0] != versions[1]


def test_it_serves_the_same_routes(server: AmlServer) -> None:
    _, document, _ = ask(server.url, "GET", f"{API}/openapi.json", "admin")

    assert json.loads(document) == json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text())


@pytest.mark.parametrize(
    ("user", "path", "body", "wanted"),
    [
        (None, f"{API}/workspaces/default/runs", None, 401),
        ("nobody", f"{API}/workspaces/default/runs", None, 404),
        ("reader-of-default", f"{API}/workspaces/default/runs", None, 200),
        ("reader-of-default", f"{API}/console/workspaces/default/overview", None, 200),
        ("nobody", f"{API}/console/workspaces/default/overview", None, 404),
        ("nobody", f"{API}/console/workspaces/default/services/x", None, 404),
        ("contributor-of-default", f"{API}/workspaces/default/compute-targets", b"{}", 403),
        ("owner-of-default", f"{API}/workspaces/default/compute-targets", b"{}", 400),
        ("reader-of-default", "/aml/", None, 200),
    ],
)
def test_it_asks_who_may(server: AmlServer, user: str | None, path: str, body: bytes | None, wanted: int) -> None:
    headers = {"Content-Type": "application/json"} if body else {}
    assert ask(server.url, "POST" if body else "GET", path, user, body, headers)[0] == wanted
