"""Whoever asks whatever route for whatever workspace: he gets what his role lets him have, and learns nothing else.

Two workspaces with one of everything in each, and a mark in all names and values. Every route of MLflow's tables and of
our OpenAPI document is asked by a stranger, a user without a role, a reader, a contributor and an owner of the first
workspace, for its things, for the second's, and for things that are not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.routing import APIRoute
from services.team_server import Answer, Client, TeamServer, mlflow_rules
from services.team_things import makes, nothing, request_for, things_of

from aml_plugins.server.access import Action
from aml_plugins.server.console import routes as console_routes
from aml_plugins.server.mlflow_routes import Kind, kind_of, mlflow_routes, normal_form
from aml_plugins.server.route_actions import ROUTES
from aml_plugins.server.settings import API_PREFIX
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import ComputeTargetRecord, DatastoreRecord, RunRecord, SnapshotRecord

OURS, THEIRS = "alphamark", "betamark"
WHO = ("stranger", "outsider", "reader", "contributor", "owner")
LEAST = {
    Kind.PUBLIC: "stranger",
    Kind.SIGNED_IN: "outsider",
    Kind.FILTERED: "outsider",
    Kind.READER: "reader",
    Kind.CONTRIBUTOR: "contributor",
    Kind.CONTRIBUTOR_IN_FRONT: "contributor",
    Kind.CREATOR: "owner",  # an administrator made the things of this test
    Kind.OWNER: "owner",
}
"""Who of WHO is the least that a kind of route lets in; nobody of them for those of administrators."""
LEAST_OF_ACTION = {
    Action.ENTER: "outsider",
    Action.READ: "reader",
    Action.CONTRIBUTE: "contributor",
    Action.OWN: "owner",
}
LAST = ("runs/delete", "roles/delete", "experiments/delete", "registered-models/delete", "unshare_workspace")
"""What takes things along that other routes are asked about."""
ELSEWHERE = ("gateway/supported-", "gateway/provider-config", "/gateway/")
"""Routes that ask a language model's provider on the internet; what they let in is tested without a request."""


ONCE = "/remove-experiments"
"""A route that takes from a thing what decides who may ask about it: only those are asked whom it refuses."""
NOTHING_THERE = ("prompt-optimization/jobs", "gateway/guardrails", "mlflow/jobs/")
"""Routes about what cannot be made here (there is no job store), so that the administrator has none of it either."""
NOT_OF_A_WORKSPACE = ("users/list", "users/create", "/signup")
"""Routes about the server's users, whose names owners may see; their roles elsewhere are tested by themselves."""


@dataclass(frozen=True)
class Team:
    """The first workspace's people, and what there is."""

    people: dict[str, Client]
    ours: dict[str, Any]
    theirs: dict[str, Any]
    none: dict[str, Any]


@pytest.fixture(scope="module")
def team(team_server: TeamServer) -> Team:
    admin = team_server.client()
    people = {name: team_server.client(None if name == "stranger" else f"matrix-{name}") for name in WHO}
    for client in people.values():
        if client.user:
            admin("POST", "/api/2.0/mlflow/users/create", {"username": client.user, "password": client.password})
    for mark in (OURS, THEIRS):
        assert admin.aml("POST", "/workspaces", {"name": f"team-{mark}"}).status == 201
    for role in ("reader", "contributor", "owner"):
        body = {"user": f"matrix-{role}", "role": role}
        assert admin.aml("PUT", f"/workspaces/team-{OURS}/members", body).status == 200
    ours, theirs = (things_of(admin, f"team-{mark}", mark) for mark in (OURS, THEIRS))
    for things in (ours, theirs):
        _execute(team_server, things)
    return Team(people, ours, theirs, nothing(theirs))


def _execute(server: TeamServer, things: dict[str, Any]) -> None:
    """Write down what we keep beside MLflow: a target, a datastore, a snapshot, how the run executes."""
    store, workspace, mark = open_store(server.store_uri), things["workspace"], things["mark"]
    box = ComputeTargetRecord(workspace=workspace, name=f"box-{mark}", type="local")
    place = {"path": str(server.home / mark)}
    files = DatastoreRecord(workspace=workspace, name=f"files-{mark}", type="directory", config=place)
    digest = things["run_id"] * 2
    served = "workspace-files"  # the one whose directory the server serves without its operator's word
    zipped = SnapshotRecord(workspace=workspace, digest=digest, datastore=served, path=mark, size=1, files=1)
    run = RunRecord(
        workspace=workspace,
        run_id=things["run_id"],
        experiment_id=things["experiment_id"],
        experiment_name=things["experiment_name"],
        target=box.name,
        target_type="local",
        state="Completed",
        script=f"{mark}.py",
        config={},
        ended_at=1.0,
    )
    store.compute_targets.add(box)
    store.datastores.add(files)
    store.snapshots.put(zipped)
    store.runs.add(run, message=mark)
    store.close()
    things.update(digest=digest, task_id=run.run_id, subject=run.run_id)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    found = mlflow_rules(tmp_path_factory.mktemp("rules"))
    return sorted(found, key=_order)


def _order(entry: tuple[str, str]) -> tuple[bool, bool, bool, int, str, str]:
    """Ask what reads first, then what writes, then what deletes: parts before what they are part of."""
    method, rule = entry
    deletes = method == "DELETE" or any(word in rule for word in ("delete", "remove", "detach", "revoke", "unassign"))
    return method != "GET", rule.endswith(LAST), deletes, -rule.count("/"), rule, method


def ask(client: Client, method: str, rule: str, things: dict[str, Any], workspace: str | None) -> Answer:
    path, said = request_for(method, rule, things)
    headers = {"X-Mlflow-Experiment-Id": things["experiment_id"]}
    if method == "GET":
        return client(method, path, params=said, workspace=workspace, headers=headers)
    flat = {name: value for name, value in said.items() if isinstance(value, str)}
    params = flat if rule.endswith("/upload-artifact") else None
    return client(method, path, said, params=params, workspace=workspace, headers=headers)


def told(answer: Answer, things: dict[str, Any]) -> tuple[int, str]:
    """Return what an answer tells, without the ids that were in the question and the time of day."""
    text = answer.body.decode("utf-8", "replace")
    names = {str(value) for value in things.values() if isinstance(value, (str, int)) and len(str(value)) > 4}
    for value in sorted(names, key=len, reverse=True):
        text = text.replace(value, "IT")
    text = re.sub(r"[0-9a-f]{32}", "HEX", text)
    text = re.sub(rf'(["/ =]){things["experiment_id"]}(["/ ])', r"\g<1>NUMBER\g<2>", text)
    return answer.status, re.sub(r"\d{10,}|csrf_token.*", "TIME", text)


def test_every_route_of_mlflow_is_classified(rules: list[tuple[str, str]]) -> None:
    """A new one belongs into aml_plugins/server/mlflow_routes.py; until then only administrators may use it."""
    there = {(method, normal_form(rule)) for method, rule in rules if rule is not None}
    known = {(method, path) for method, path, _ in mlflow_routes()}
    assert sorted(there - known) == []
    assert sorted(known - there) == [], "MLflow has these no more"


def test_a_role_lets_do_what_it_says_and_no_more(team: Team, rules: list[tuple[str, str]]) -> None:
    wrong = []
    for method, rule in rules:
        kind = _kind(method, rule)
        if any(part in rule for part in (*ELSEWHERE, *NOTHING_THERE)):
            continue
        least = WHO.index(LEAST[kind]) if kind in LEAST else len(WHO)
        # MLflow has browsers' routes beside programs', and checks each by itself: two people tell whether it does.
        asked = ("stranger", "reader") if _is_twin(rule, rules) else WHO[:least] if rule.endswith(ONCE) else WHO
        for rank, name in ((WHO.index(name), name) for name in asked):
            client = team.people[name]
            answer = ask(client, method, rule, team.ours, team.ours["workspace"])
            if name == "outsider" and kind is not Kind.PUBLIC:  # to him the workspace is not there
                fine = answer.status == 404 and b"not found" in answer.body
            else:
                fine = (rank >= least) == (answer.status not in {401, 403})
            if not fine or (rank < 2 and OURS in told(answer, team.ours)[1]):
                wrong.append(f"{method} {rule} ({kind.name}): {name} gets {answer.status} {answer.body[:120]!r}")
    assert not wrong, "\n".join(wrong)


def test_what_another_workspace_has_is_answered_as_what_is_not_there(team: Team, rules: list[tuple[str, str]]) -> None:
    wrong = []
    for method, rule in rules:
        if any(part in rule for part in (*ELSEWHERE, *NOT_OF_A_WORKSPACE)) or makes(rule):
            continue
        if _kind(method, rule) in {Kind.PUBLIC, Kind.SIGNED_IN}:
            continue
        people = (("owner", team.ours["workspace"]), ("outsider", None))
        for name, workspace in people[:1] if _is_twin(rule, rules) else people:
            there = ask(team.people[name], method, rule, team.theirs, workspace)
            nowhere = ask(team.people[name], method, rule, team.none, workspace)
            seen = told(there, team.theirs), told(nowhere, team.none)
            if seen[0] != seen[1] or THEIRS in seen[0][1]:
                wrong.append(f"{method} {rule}: {name} gets {seen[0]} and {seen[1]}")
    assert not wrong, "\n".join(wrong)


def test_another_workspace_is_answered_as_one_that_is_not_there(team: Team, rules: list[tuple[str, str]]) -> None:
    """One gate stands before all routes; a few of each kind and of both of MLflow's applications show that it does."""
    few: dict[tuple[Kind, bool], list[tuple[str, str]]] = {}
    for method, rule in rules:
        few.setdefault((_kind(method, rule), "<" in rule), []).append((method, rule))
    wrong = []
    for (kind, _), some in few.items():
        for method, rule in [*some[:2], *some[-2:]] if kind is not Kind.PUBLIC else []:
            for name, status in (("stranger", 401), ("owner", 404)):
                there = ask(team.people[name], method, rule, team.theirs, team.theirs["workspace"])
                nowhere = ask(team.people[name], method, rule, team.none, team.none["workspace"])
                seen = told(there, team.theirs), told(nowhere, team.none)
                if seen[0] != seen[1] or there.status != status:
                    wrong.append(f"{method} {rule}: {name} gets {seen[0]} and {seen[1]}")
    assert not wrong, "\n".join(wrong)


def _kind(method: str, rule: str) -> Kind:
    kind = kind_of(method, re.sub(r"<[^>]*>|\{[^}]*\}", "x", rule))
    assert kind is not None, rule
    return kind


def _is_twin(rule: str, rules: list[tuple[str, str]]) -> bool:
    """Say whether the route is the browser's form of one that programs have too."""
    return rule.startswith("/ajax-api") and any(path == rule.replace("/ajax-api", "/api", 1) for _, path in rules)


OF_MANY = {
    "read_runs": {"run_ids": ["RUN"]},
    "acquire_runs": {"run_ids": ["RUN"], "owner": "me", "seconds": 1},
    "release_runs": {"run_ids": ["RUN"], "owner": "me"},
    "list_cancellations": {"run_ids": ["RUN"]},
    "save_runs": {"owner": "me", "changes": []},
    "mark_runs_released": {"run_ids": ["RUN"], "released": True},
    "list_undelivered_events": {"subjects": ["RUN"]},
    "mark_events_delivered": {"subjects": ["RUN"], "sequences": [1, 2, 3]},
}
"""Bodies of our routes that are about things of any workspace."""


def _routes_of_ours(client: Client) -> list[tuple[str, str, str]]:
    """Return method, path and name of our routes: those of the OpenAPI document, and the console's beside it."""
    document = client.aml("GET", "/openapi.json").json
    found = [
        (method.upper(), path, operation["operationId"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    console = [route for one in console_routes.ROUTERS for route in one.routes if isinstance(route, APIRoute)]
    found += [(method, f"{API_PREFIX}{route.path}", route.name) for route in console for method in route.methods]
    assert {name for _, _, name in found} | {"console_page", "console_asset"} == set(ROUTES)
    return sorted(found, key=lambda entry: _order((entry[0], entry[2] if "unshare" in entry[2] else entry[1])))


def _ask_ours(client: Client, method: str, path: str, name: str, things: dict[str, Any]) -> Answer:
    mark = things["mark"]
    noun = next((word for part, word in (("compute", "box"), ("datastores", "files")) if part in path), "model")
    known = "workspace-files" if "/file" in path else f"{noun}-{mark}"  # whose directory the server serves
    values = {**things, "name": known, "path": "file.txt"}
    target = re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: str(values.get(match[1], mark)), path)
    body = OF_MANY.get(name, {})
    said = {key: [things["run_id"]] if value == ["RUN"] else value for key, value in body.items()}
    params = {"user": mark, "workspace": things["workspace"], "owner": "me"}
    wanted = {"unshare_workspace": ["user"], "list_due_runs": ["workspace", "owner"]}.get(name, [])
    if name == "list_unreferenced_snapshots":
        wanted = ["workspace"]
    query = {key: params[key] for key in wanted}
    return client(method, target, None if method == "GET" else said, params=query, headers={"X-AML-Request": "1"})


def test_our_routes_let_do_what_a_role_says_and_no_more(team: Team) -> None:
    wrong = []
    for method, path, name in _routes_of_ours(team.people["owner"]):
        least = LEAST_OF_ACTION.get(ROUTES[name])
        for rank, (who, client) in enumerate(team.people.items()):
            answer = _ask_ours(client, method, path, name, team.ours)
            allowed = least is not None and rank >= WHO.index(least)
            if who == "outsider" and "{workspace}" in path:
                fine = answer.status == 404 and "There is no workspace" in answer.json["message"]
            else:
                fine = allowed == (answer.status not in {401, 403})
            if not fine or (rank < 2 and OURS in told(answer, team.ours)[1]):
                wrong.append(f"{method} {path} ({name}): {who} gets {answer.status} {answer.body[:120]!r}")
    assert not wrong, "\n".join(wrong)


def test_our_routes_answer_what_another_workspace_has_as_what_is_not_there(team: Team) -> None:
    wrong = []
    for method, path, name in _routes_of_ours(team.people["owner"]):
        for who in ("outsider", "owner"):
            mixed = [{**things, "workspace": team.ours["workspace"]} for things in (team.theirs, team.none)]
            # Of our own workspace only what names something in it can be asked about theirs.
            names = "{" in path.replace("{workspace}", "") or name in OF_MANY
            for theirs, none in ((team.theirs, team.none), mixed) if names else ((team.theirs, team.none),):
                seen = (
                    told(_ask_ours(team.people[who], method, path, name, theirs), theirs),
                    told(_ask_ours(team.people[who], method, path, name, none), none),
                )
                if seen[0] != seen[1] or THEIRS in seen[0][1]:
                    wrong.append(f"{method} {path} ({name}): {who} gets {seen[0]} and {seen[1]}")
    assert not wrong, "\n".join(wrong)
