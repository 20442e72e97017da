"""What a server with authentication shows to whom; the matrix of all routes is in ``test_matrix.py``."""

from __future__ import annotations

import json

import pytest
from services.aml_users import ADMIN, ask


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


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("owner-of-team-b", 404), ("reader-of-team-a", 403)])
def test_what_is_refused_in_front_of_mlflow_is_secured_as_its_own_answers(auth_server, user, status):
    # The first two are refused for the workspace, the last for the route.
    refused = ask(auth_server.url, "POST", "/ajax-api/3.0/jobs/search", user, headers={"X-MLFLOW-WORKSPACE": "team-a"})
    assert refused[0] == status
    assert (refused[2]["x-content-type-options"], refused[2]["x-frame-options"]) == ("nosniff", "SAMEORIGIN")


@pytest.mark.parametrize("name", ["A B", "-a", "a", "api", "x" * 64, "team_a", "t\u00e4m"])
def test_a_header_that_names_no_workspace_is_refused_as_mlflow_refuses_it(auth_server, name):
    # The version is asked for by anybody: MLflow itself resolves the header there.
    theirs, ours = (
        ask(auth_server.url, "GET", path, "reader-of-team-a", headers={"X-MLFLOW-WORKSPACE": name})
        for path in ("/version", "/api/2.0/mlflow/experiments/search?max_results=1")
    )
    assert theirs[0] == 400
    assert json.loads(theirs[1])["error_code"] == "INVALID_PARAMETER_VALUE"
    assert ours[:2] == theirs[:2]
    assert ours[2]["content-type"] == theirs[2]["content-type"]


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
