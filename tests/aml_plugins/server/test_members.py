"""Sharing a workspace, with our client and command line against a server that asks who its users are."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Callable
from urllib.parse import quote

import pytest
from services.team_server import ADMIN, PASSWORD, Client, TeamServer

from aml_plugins import Workspace
from aml_plugins.cli.app import run as aml
from aml_plugins.errors import InvalidInputError, NotFoundError, PermissionDeniedError
from aml_plugins.store.records import MemberRecord

EXPERIMENTS = "/api/2.0/mlflow/experiments"
ODD = ["ünïcödé", "a b/c?d#e%20f&g", "dom\\user@example.com", "'; drop table users --", "x" * 200]


@pytest.fixture
def person(team_server: TeamServer) -> Callable[[str], Client]:
    """Make a user of the server; his name is the word and something of this test."""

    def make(word: str) -> Client:
        name = f"{word}-{uuid.uuid4().hex[:8]}"
        body = {"username": name, "password": PASSWORD}
        assert team_server.client()("POST", "/api/2.0/mlflow/users/create", body).status == 200
        return team_server.client(name)

    return make


@pytest.fixture
def as_user(team_server: TeamServer, aml_home: object, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Workspace]:
    def connect(name: str, client: Client | None = None) -> Workspace:
        user = client.user if client else ADMIN
        return Workspace.connect(store_of(team_server, user or ""), name)

    return connect


def store_of(server: TeamServer, user: str, password: str = PASSWORD) -> str:
    return f"http://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{server.port}"


@pytest.fixture
def workspace(team_server: TeamServer, as_user: Callable[..., Workspace]) -> Workspace:
    """A new workspace, as its creator sees it."""
    name = f"team-{uuid.uuid4().hex[:8]}"
    return Workspace.create(name, store=store_of(team_server, ADMIN), description="Ours.")


def test_a_workspace_is_shared_shown_and_taken_back(workspace, person, as_user):
    ann, bob = person("ann"), person("bob")
    assert workspace.role == "owner"
    assert workspace.share(ann.user, "owner") == MemberRecord(user=ann.user, role="owner")
    hers = as_user(workspace.name, ann)
    assert (hers.role, hers.describe().description) == ("owner", "Ours.")
    hers.share(bob.user)
    his = as_user(workspace.name, bob)
    assert his.role == "reader"
    assert {member.user: member.role for member in his.members()} == {
        ADMIN: "owner",
        ann.user: "owner",
        bob.user: "reader",
    }
    hers.share(bob.user, "contributor")
    assert his.role == "contributor"
    hers.unshare(bob.user)
    with pytest.raises(NotFoundError, match=f"no workspace '{workspace.name}'"):
        his.members()
    with pytest.raises(NotFoundError, match="is no member"):
        hers.unshare(bob.user)


def test_only_owners_share_and_nobody_shares_with_nobody(workspace, person, as_user):
    people = {role: person(role) for role in ("contributor", "reader")}
    for role, client in people.items():
        workspace.share(client.user, role)
        theirs = as_user(workspace.name, client)
        for change in (lambda it: it.share(ADMIN), lambda it: it.unshare(ADMIN), lambda it: it.archive()):
            with pytest.raises(PermissionDeniedError, match="owner"):
                change(theirs)
    with pytest.raises(NotFoundError, match=r"no user 'nobody-at-all'"):
        workspace.share("nobody-at-all", "reader")
    with pytest.raises(InvalidInputError, match=r"'boss' is no role.*owner, contributor and reader"):
        workspace.share(people["reader"].user, "boss")


def test_the_last_owner_stays(workspace, person):
    ann = person("ann")
    for leave in (lambda: workspace.unshare(ADMIN), lambda: workspace.share(ADMIN, "reader")):
        with pytest.raises(InvalidInputError, match="is the only owner"):
            leave()
    workspace.share(ann.user, "owner")
    workspace.unshare(ADMIN)
    assert [member.user for member in workspace.members()] == [ann.user]


def test_with_the_role_goes_what_somebody_made_himself(workspace, person):
    bob = person("bob")
    workspace.share(bob.user, "contributor")
    made = bob("POST", f"{EXPERIMENTS}/create", {"name": "mine"}, workspace=workspace.name).json["experiment_id"]

    body = {"experiment_id": made, "start_time": 1}
    run = bob("POST", "/api/2.0/mlflow/runs/create", body, workspace=workspace.name).json["run"]["info"]["run_id"]

    def may(verb: str) -> int:
        return bob("POST", f"/api/2.0/mlflow/runs/{verb}", {"run_id": run}, workspace=workspace.name).status

    assert (may("delete"), may("restore")) == (200, 200)
    workspace.share(bob.user, "reader")
    assert may("delete") == 403
    shown = bob("GET", f"{EXPERIMENTS}/get", params={"experiment_id": made}, workspace=workspace.name)
    assert shown.status == 200
    workspace.unshare(bob.user)
    shown = bob("GET", f"{EXPERIMENTS}/get", params={"experiment_id": made}, workspace=workspace.name)
    assert shown.status == 404
    assert bob("GET", f"{EXPERIMENTS}/get", params={"experiment_id": made}).status == 403


def test_a_role_that_is_taken_and_a_user_who_is_deleted_are_gone_at_the_next_request(workspace, person, team_server):
    bob = person("bob")
    workspace.share(bob.user, "reader")
    assert bob.aml("GET", f"/workspaces/{workspace.name}").status == 200
    workspace.unshare(bob.user)
    assert bob.aml("GET", f"/workspaces/{workspace.name}").status == 404
    assert bob("POST", f"{EXPERIMENTS}/search", {"max_results": 1}, workspace=workspace.name).status == 404
    workspace.share(bob.user, "reader")
    body = {"username": bob.user}
    assert team_server.client()("DELETE", "/api/2.0/mlflow/users/delete", body).status == 200
    assert bob.aml("GET", f"/workspaces/{workspace.name}").status == 401
    assert bob("POST", f"{EXPERIMENTS}/search", {"max_results": 1}, workspace=workspace.name).status == 401
    assert [member.user for member in workspace.members()] == [ADMIN]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_user_names_may_have_any_character(workspace, team_server, as_user, name):
    client = team_server.client(name)
    body = {"username": name, "password": PASSWORD}
    team_server.client()("POST", "/api/2.0/mlflow/users/create", body)
    workspace.share(name, "contributor")
    assert MemberRecord(user=name, role="contributor") in workspace.members()
    assert as_user(workspace.name, client).role == "contributor"
    workspace.unshare(name)
    assert [member.user for member in workspace.members()] == [ADMIN]


def test_owners_who_share_at_the_same_time_leave_each_user_with_one_role(workspace, person, as_user):
    owners, others = [person("owner") for _ in range(2)], [person("user") for _ in range(2)]
    for owner in owners:
        workspace.share(owner.user, "owner")
    roles = ("contributor", "reader", "contributor", "reader")
    failures = []

    def share(owner: Client, turn: int) -> None:
        theirs = as_user(workspace.name, owner)
        for step, role in enumerate(roles):
            try:
                theirs.share(others[(step + turn) % 2].user, role)
            except Exception as error:  # noqa: BLE001  a thread's failure is the test's
                failures.append(error)

    threads = [threading.Thread(target=share, args=(owner, turn)) for turn, owner in enumerate(owners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    found = {member.user: member.role for member in workspace.members()}
    assert all(found[other.user] in {"contributor", "reader"} for other in others)
    workspace.share(others[0].user, "reader")
    workspace.unshare(others[1].user)
    assert as_user(workspace.name, others[0]).role == "reader"
    with pytest.raises(NotFoundError):
        as_user(workspace.name, others[1])


def test_the_command_line_shares_too(workspace, person, team_server, capsys):
    bob, store = person("bob"), store_of(team_server, ADMIN)

    def said(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert aml(["workspace", *arguments]) == code
        captured = capsys.readouterr()
        return captured.out + captured.err

    shared = said("share", workspace.name, bob.user, "--role", "contributor", "--store", store)
    assert shared == f"'{bob.user}' is contributor of workspace '{workspace.name}'.\n"
    listed = json.loads(said("members", workspace.name, "--store", store, "-o", "json"))
    assert {"user": bob.user, "role": "contributor"} in listed
    his = store_of(team_server, bob.user)
    assert "yours is contributor" in said("unshare", workspace.name, bob.user, "--store", his, code=2)
    assert "no member" in said("unshare", workspace.name, bob.user, "--store", store)
    assert f"There is no workspace '{workspace.name}'" in said("members", workspace.name, "--store", his, code=2)
    wrong = said("members", workspace.name, "--store", store_of(team_server, ADMIN, "guessed it"), code=2)
    assert f"knows no user '{ADMIN}' with that password" in wrong
    assert "guessed" not in wrong


def test_a_workspace_lives_and_dies_over_the_server(workspace, person, as_user, team_server):
    ann = person("ann")
    workspace.share(ann.user, "owner")
    hers = as_user(workspace.name, ann)
    hers.update(description="Hers.")
    hers.archive()
    assert (workspace.describe().state, workspace.describe().description) == ("archived", "Hers.")
    with pytest.raises(InvalidInputError, match="is archived"):
        hers.attach_compute("local", "box")
    hers.restore()
    hers.attach_compute("local", "box")
    ann("POST", f"{EXPERIMENTS}/create", {"name": "iris"}, workspace=workspace.name)
    assert hers.contents() == {"compute targets": 1, "experiments": 1}
    with pytest.raises(InvalidInputError, match="it has 1 compute target and 1 experiment"):
        workspace.delete()
    for force in (False, True):  # what lives there makes no odds, and nothing is closed or cancelled before the refusal
        with pytest.raises(PermissionDeniedError, match=r"Only an administrator.* you are owner"):
            hers.delete(force=force)
    assert hers.describe().state == "in use"
    workspace.delete(force=True)
    assert workspace.name not in Workspace.list(store=store_of(team_server, ADMIN))
    again = Workspace.create(workspace.name, store=store_of(team_server, ADMIN))
    assert [member.user for member in again.members()] == [ADMIN]
    with pytest.raises(NotFoundError):
        as_user(workspace.name, ann)


@pytest.mark.parametrize(
    "headers",
    [
        ["X-MLFLOW-WORKSPACE: {mine}", "X-MLFLOW-WORKSPACE: {theirs}"],
        ["X-MLFLOW-WORKSPACE: {theirs}", "X-MLFLOW-WORKSPACE: {mine}"],
        ["X_MLFLOW_WORKSPACE: {theirs}", "X-MLFLOW-WORKSPACE: {mine}"],
        ["X-MLFLOW-WORKSPACE: {mine},{theirs}"],
        ["X-MLFLOW-WORKSPACE: {mine}/../{theirs}"],
        ["X-MLFLOW-WORKSPACE: {theirs}\tx"],
        ["X-MLFLOW-WORKSPACE: \u00e4"],
    ],
)
def test_no_header_smuggles_in_another_workspace(workspace, person, team_server, headers):
    bob = person("bob")
    workspace.share(bob.user, "reader")
    theirs = Workspace.create(f"other-{uuid.uuid4().hex[:8]}", store=store_of(team_server, ADMIN))
    admin = team_server.client()
    admin("POST", f"{EXPERIMENTS}/create", {"name": "hush"}, workspace=theirs.name)
    lines = [line.format(mine=workspace.name, theirs=theirs.name) for line in headers]
    body = b'{"max_results": 10}'
    head = [f"POST {EXPERIMENTS}/search HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines]
    head += [f"Authorization: {bob._credentials()['Authorization']}", "Content-Type: application/json"]
    sent = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body
    with socket.create_connection(("127.0.0.1", team_server.port), timeout=30) as connection:
        connection.sendall(sent)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in {b"400", b"404"}
    assert b"hush" not in answer


def test_what_nobody_classified_and_what_reaches_beyond_a_workspace_is_for_administrators(workspace, person):
    ann = person("ann")
    workspace.share(ann.user, "owner")
    for method, path in (
        ("GET", "/api/4.0/mlflow/something-new"),
        ("GET", "/ajax-api/3.0/mlflow/assistant/config"),
        ("POST", "/ajax-api/3.0/jobs/"),
        ("DELETE", f"/api/3.0/mlflow/workspaces/{workspace.name}"),
    ):
        assert ann(method, path, None if method == "GET" else {}).status == 403, path
    admin = Client(ann.port, ADMIN)
    assert admin("GET", "/api/4.0/mlflow/something-new").status == 404


def test_a_database_has_no_members(aml_home):
    workspace = Workspace.create("team-a")
    assert workspace.role == "owner"
    for ask in (workspace.members, lambda: workspace.share("x"), lambda: workspace.unshare("x")):
        with pytest.raises(InvalidInputError, match="aml server --with-auth"):
            ask()
