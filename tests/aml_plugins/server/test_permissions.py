"""Every route of ours by every kind of caller in two workspaces, on a real server with MLflow's users and roles."""

from __future__ import annotations

import json
from functools import cache

import pytest
from fastapi.routing import APIRoute
from services.aml_users import ADMIN, ask

from aml_plugins.server.access import Action
from aml_plugins.server.api import described_api
from aml_plugins.server.route_actions import ROUTES

JSON = {"Content-Type": "application/json"}
FILLED = {
    "run_id": "0" * 32,
    "name": "nothing",
    "digest": "0" * 64,
    "task_id": "none",
    "version": "1",
    "path": "a/b.txt",
    "workspace": "team-a",
}
# Who may, by action, of those who have a role in team-a.
ALLOWED = {
    Action.READ: {"reader", "contributor", "owner"},
    Action.CONTRIBUTE: {"contributor", "owner"},
    Action.OWN: {"owner"},
    Action.ADMINISTER: set(),
    Action.ENTER: {"reader", "contributor", "owner"},
}


@cache
def operations() -> dict[str, tuple[str, str]]:
    """Method and path by the route's name, the console's included, which are in no document."""
    return {
        route.name: (min(route.methods), route.path) for route in described_api().routes if isinstance(route, APIRoute)
    }


def asked(server, route: str, user: str | None) -> int:
    method, path = operations()[route]
    for name, value in FILLED.items():
        path = path.replace("{%s}" % name, value).replace("{%s:path}" % name, value)  # noqa: UP031  braces
    body, headers = (None, {}) if method == "GET" else (b"{}", JSON)
    if route.startswith("upload"):
        headers = {"Content-Type": "application/octet-stream"}
    return ask(server.url, method, path, user, body, headers)[0]


def test_the_document_has_every_route_but_the_consoles(auth_server):
    status, content, _ = ask(auth_server.url, "GET", "/api/2.0/aml/openapi.json", ADMIN)
    assert status == 200
    paths = json.loads(content)["paths"]
    documented = {operation["operationId"] for methods in paths.values() for operation in methods.values()}
    assert documented == {route for route in ROUTES if not route.startswith("console_")}


@pytest.mark.parametrize("route", ROUTES)
def test_who_may(auth_server, route):
    action = ROUTES[route]
    assert asked(auth_server, route, None) == 401
    in_workspace = "{workspace}" in operations()[route][1]
    for role in ("reader", "contributor", "owner"):
        mine, theirs = (asked(auth_server, route, f"{role}-of-{name}") for name in ("team-a", "team-b"))
        if role in ALLOWED[action]:
            assert mine not in {401, 403}, role
            assert mine < 500, role
        else:
            assert mine == 403, role
        if in_workspace:
            assert theirs == 404, role
    if in_workspace:
        assert asked(auth_server, route, "nobody") == 404


def test_a_hidden_workspace_looks_like_none(auth_server):
    for path in ("/api/2.0/aml/workspaces/{}", "/api/2.0/aml/workspaces/{}/runs", "/api/2.0/aml/workspaces/{}/tasks"):
        hidden, missing = (
            ask(auth_server.url, "GET", path.format(name), "owner-of-team-b") for name in ("team-a", "team-z")
        )
        assert hidden[0] == missing[0] == 404
        assert hidden[1].replace(b"team-a", b"") == missing[1].replace(b"team-z", b"")


def test_everybody_sees_the_workspaces_that_are_theirs(auth_server):
    def seen(user):
        found = json.loads(ask(auth_server.url, "GET", "/api/2.0/aml/workspaces", user)[1])["items"]
        return {item["name"]: item["role"] for item in found}

    assert seen("nobody") == {}
    assert seen("reader-of-team-a") == {"team-a": "reader"}
    assert seen("owner-of-team-b") == {"team-b": "owner"}
    assert seen(ADMIN) == {"default": "owner", "team-a": "owner", "team-b": "owner"}


def test_a_wrong_password_is_nobody(auth_server):
    status, content, headers = ask(
        auth_server.url, "GET", "/api/2.0/aml/server", None, headers={"Authorization": "Basic YWRtaW46d3Jvbmc="}
    )
    assert (status, json.loads(content)["error_code"]) == (401, "unauthenticated")
    assert headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 9000, "Digest a=b", "\x7f"])
def test_a_broken_proof_is_nobody(auth_server, header):
    assert ask(auth_server.url, "GET", "/api/2.0/aml/server", None, headers={"Authorization": header})[0] in {400, 401}


def test_mlflows_side_asks_too(auth_server):
    search = "/api/2.0/mlflow/experiments/search?max_results=1"
    assert ask(auth_server.url, "GET", search, None)[0] == 401
    headers = {"X-MLFLOW-WORKSPACE": "team-a"}
    assert ask(auth_server.url, "GET", search, "reader-of-team-a", headers=headers)[0] == 200
