"""Another workspace's things are not there, by any route; and who may only look changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from aml_plugins.server.access import Access, Action, Role
from aml_plugins.server.api import create_api
from aml_plugins.server.console.actions import CONSOLE
from aml_plugins.server.console.routes import ROUTERS
from aml_plugins.server.identity import Identity
from aml_plugins.server.serving import Server
from aml_plugins.store.records import ServiceRecord

BASE = "/api/2.0/aml"
THINGS = ("{run_id}", "{task_id}", "{name}")
ROUTES = [route for router in ROUTERS for route in router.routes]
ABOUT_A_THING = [route for route in ROUTES if any(thing in route.path for thing in THINGS)]


class OnlyReader:
    """The caller is a reader of ``team-a``, and nobody elsewhere."""

    def role(self, identity: Identity, workspace: str) -> Role:
        return Role.READER if workspace == "team-a" else Role.NOBODY

    def visible(self, identity: Identity) -> list[str]:
        return ["team-a"]


class Door:
    def identify(self, request: object) -> Identity:
        return Identity(name="alice", user_id=1)


@pytest.fixture
def reader(server: Server) -> Iterator[TestClient]:
    access = Access(OnlyReader(), lambda name: name in {"team-a", "team-b"})
    with TestClient(create_api(replace(server, access=access, door=Door()))) as made:
        yield made


class ClosedDoor:
    def identify(self, request: object) -> None:
        return None


def ask(client: TestClient, route, workspace: str, run_id: str):
    path = BASE + route.path.format(workspace=workspace, run_id=run_id, task_id=run_id, name=run_id)
    body = {"body": "{}"} if route.name == "console_try_service" else None
    parameters = {"path": "x", "key": "x"}
    headers = {"X-AML-Request": "1"}
    return client.request(next(iter(route.methods)), path, params=parameters, headers=headers, json=body)


def add_service(server: Server, name: str) -> None:
    record = {"workspace": "team-b", "name": name, "service_id": "b", "type": "local", "state": "Healthy"}
    server.store.services.add(ServiceRecord(**record, desired={"generation": 1, "image": "iris:1", "config": {}}))


def test_every_route_is_in_the_table() -> None:
    assert {route.name for route in ROUTES} == set(CONSOLE) - {"console_page", "console_asset"}


@pytest.mark.parametrize("route", ABOUT_A_THING, ids=lambda route: route.name)
def test_a_thing_of_another_workspace_is_as_missing_as_none(client: TestClient, server: Server, add_run, route) -> None:
    theirs = add_run(workspace="team-b")
    add_service(server, theirs.run_id)
    missing = "0" * 32
    answers = [ask(client, route, "team-a", run_id) for run_id in (theirs.run_id, missing)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(theirs.run_id, missing) == answers[1].text


@pytest.mark.parametrize("route", [r for r in ROUTES if "{workspace}" in r.path], ids=lambda route: route.name)
def test_a_workspace_of_others_is_as_missing_as_none(reader: TestClient, add_run, route) -> None:
    theirs = add_run(workspace="team-b")
    answers = [ask(reader, route, workspace, theirs.run_id) for workspace in ("team-b", "team-x")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace("team-b", "team-x") == answers[1].text


def test_a_reader_sees_their_workspace_and_changes_nothing(reader: TestClient, server: Server, add_run) -> None:
    run = add_run()
    listed = reader.get(f"{BASE}/console/workspaces").json()
    assert [item["name"] for item in listed["workspaces"]] == ["team-a"]
    page = reader.get(f"{BASE}/console/workspaces/team-a/runs/{run.run_id}").json()
    assert page["may_cancel"] is False
    answer = reader.post(f"{BASE}/console/workspaces/team-a/runs/{run.run_id}/cancel", json={})
    assert answer.status_code == 403
    assert server.store.runs.get("team-a", run.run_id).cancel_requested_at is None


def test_only_what_does_something_needs_more_than_a_reader() -> None:
    more = [name for name, action in CONSOLE.items() if action not in {Action.READ, Action.ENTER}]
    assert more == ["console_cancel", "console_try_service"]


def test_who_does_not_say_who_they_are_gets_nothing(server: Server, add_run) -> None:
    run = add_run(name="hidden")
    with TestClient(create_api(replace(server, door=ClosedDoor()))) as stranger:
        answers = [ask(stranger, route, "team-a", run.run_id) for route in ROUTES]
        answers += [
            stranger.get(path) for path in ("/aml", "/aml/", "/aml/workspaces/team-a", "/aml/assets/x/icon.svg")
        ]
    assert {answer.status_code for answer in answers} == {401}
    assert not any("hidden" in answer.text for answer in answers)


@pytest.mark.parametrize("strange", ["%00", "a%00b", "x" * 200, "%F0%9F%92%A9", "..%2f..", "%ff"])
def test_strange_ids_are_not_found(client: TestClient, strange: str) -> None:
    for noun in ("runs", "tasks", "services"):
        answer = client.get(f"{BASE}/console/workspaces/team-a/{noun}/{strange}")
        assert answer.status_code in {400, 404}
