"""What the server takes, whatever the route: bodies, headers, paths."""

from __future__ import annotations

import json
import math

import pytest

from aml_plugins.server.protection import JSON_LIMIT


def test_the_server_says_what_it_is(client):
    said = client.get("/server").json()
    assert (said["api_version"], said["authentication"], said["user"]) == ("2.0", False, "")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", None])
def test_what_a_foreign_pages_form_sends_is_refused(client, kind):
    headers = {"Content-Type": kind} if kind else {}
    refused = client.post("/workspaces", content=b'{"name": "team-a"}', headers=headers)
    assert (refused.status_code, refused.json()["error_code"]) == (403, "permission_denied")
    assert client.get("/workspaces/team-a").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'{"name": NaN}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "a\\ud800"}',
        b'{"name": "\xff"}',
        b'{"name": "team-a", "more": 1}',
        b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"",
    ],
)
def test_a_bad_body_is_a_mistake_of_the_caller(client, body):
    refused = client.post("/workspaces", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 400, refused.text
    assert set(refused.json()) == {"error_code", "message", "fix"}


def test_odd_values_inside_of_settings_are_kept(client):
    body = json.dumps({"settings": {"nan": math.nan, "texts": ["\0", "\ud800", "ü"]}})
    url, headers = "/workspaces/default/settings", {"Content-Type": "application/json", "If-None-Match": "*"}
    assert client.put(url, content=body, headers=headers).status_code == 200
    plain = client.get("/workspaces/default")
    assert json.loads(plain.content)["settings"] == {"nan": None, "texts": ["\0", "\ud800", "ü"]}
    python = client.get("/workspaces/default", headers={"Accept": "application/x-python-json"})
    assert math.isnan(json.loads(python.content)["settings"]["nan"])
    assert python.headers["ETag"] == plain.headers["ETag"]


def test_a_large_body_is_refused(client):
    large = json.dumps({"name": "x" * JSON_LIMIT}).encode()
    headers = {"Content-Type": "application/json"}
    assert client.post("/workspaces", content=large, headers=headers).status_code == 413
    pieces = (large[start : start + 65536] for start in range(0, len(large), 65536))
    assert client.post("/workspaces", content=pieces, headers=headers).status_code == 413


def test_unknown_paths_and_methods_are_answered_like_every_failure(client):
    assert client.get("/nowhere").json()["error_code"] == "not_found"
    refused = client.patch("/server", json={})
    assert (refused.status_code, refused.json()["error_code"]) == (405, "method_not_allowed")
    assert refused.headers["Allow"] == "GET"


def test_every_route_has_an_action_and_every_action_a_route():
    from aml_plugins.server import api, guarding, route_actions
    from aml_plugins.server.console import pages, routes

    routers = (*api.ROUTERS, *routes.ROUTERS, pages.router)
    assert {route.name for router in routers for route in router.routes} == set(route_actions.ROUTES)
    with pytest.raises(AssertionError, match="no action"):
        guarding.GuardedRoute("/x", lambda: None, name="unknown")
