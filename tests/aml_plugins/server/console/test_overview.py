"""The overview's read model: counts, filters, pages."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from aml_plugins.server.console import overview
from aml_plugins.server.console.overview import PAGE
from aml_plugins.server.serving import Server
from aml_plugins.store.records import (
    ComputeTargetRecord,
    DatastoreRecord,
    ImageRecord,
    ProvisioningRecord,
    ServiceRecord,
    TaskRecord,
)

MINE = "/api/2.0/aml/console/workspaces/team-a"
ATTACHED = {"state": "Attached", "reason": None, "task": None}


def names(client: TestClient, **filters: str) -> list[str]:
    answer = client.get(f"{MINE}/overview", params=filters)
    assert answer.status_code == 200, answer.text
    return [run["name"] for run in answer.json()["runs"]["items"]]


def test_an_empty_workspace_has_what_every_workspace_has(client: TestClient) -> None:
    found = client.get(f"{MINE}/overview").json()
    assert found["targets"] == [{"name": "local", "type": "local", "slots": None, "queue": {}, **ATTACHED}]
    assert found["datastores"] == [{"name": "workspace-files", "type": "directory", "default": True}]
    assert found["runs"] == {"items": [], "next_page_token": None}
    assert found["tasks"] == []
    assert found["role"] == "owner"


def test_targets_show_their_queues_and_no_settings(client: TestClient, server: Server, add_run) -> None:
    config = {"max_parallel_runs": 3, "password": "secret://env/X"}
    server.store.compute_targets.add(ComputeTargetRecord(workspace="team-a", name="box", type="local", config=config))
    server.store.datastores.add(
        DatastoreRecord(workspace="team-a", name="blobs", type="directory", config={"path": "/somewhere"})
    )
    for state in ("Queued", "Queued", "Running", "Completed"):
        add_run(target="box", state=state)
    add_run(target="box", state="Running", workspace="team-b")
    answer = client.get(f"{MINE}/overview")
    box = next(target for target in answer.json()["targets"] if target["name"] == "box")
    assert box == {"name": "box", "type": "local", "slots": 3, "queue": {"Queued": 2, "Running": 1}, **ATTACHED}
    assert "secret" not in answer.text
    assert "/somewhere" not in answer.text


def test_a_created_target_shows_how_its_creation_stands(client: TestClient, server: Server, workspaces: None) -> None:
    for workspace, name, desired in (
        ("team-a", "pool", {"request": 1, "absent": False}),
        ("team-a", "strange", {}),
        ("team-b", "other", {"request": 1, "absent": False}),
    ):
        creation = ProvisioningRecord(
            workspace=workspace,
            name=name,
            operation_id={"pool": "a", "strange": "b", "other": "c"}[name] * 32,
            type="azure-batch",
            desired=desired,
            state="Failed",
            reason="The quota is used up.",
        )
        target = ComputeTargetRecord(workspace=workspace, name=name, type="azure-batch")
        server.store.provisionings.add(creation, target)
    found = {target["name"]: target for target in client.get(f"{MINE}/overview").json()["targets"]}
    assert set(found) == {"local", "pool", "strange"}
    assert found["strange"]["task"] is None
    assert (found["pool"]["state"], found["pool"]["reason"]) == ("Failed", "The quota is used up.")
    assert found["pool"]["task"] == f"compute-{'a' * 12}-1"


def test_a_target_that_is_gone_is_shown_while_runs_are_on_it(client: TestClient, add_run) -> None:
    add_run(target="gone", state="Running")
    found = {target["name"]: target["state"] for target in client.get(f"{MINE}/overview").json()["targets"]}
    assert found == {"gone": "Detached", "local": "Attached"}


def test_lists_are_bounded_and_say_so(client: TestClient, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "LISTED", 2)
    monkeypatch.setattr(overview, "TASKS", 2)
    assert not any(client.get(f"{MINE}/overview").json()["more"].values())
    for number in range(3):
        key = {"workspace": "team-a", "name": f"n{number}"}
        server.store.compute_targets.add(ComputeTargetRecord(**key, type="local"))
        server.store.datastores.add(DatastoreRecord(**key, type="directory"))
        server.store.images.add(ImageRecord(**key, state="Succeeded", builder="oci", config={}))
        desired = {"generation": 1, "image": "n0:1"}
        server.store.services.add(
            ServiceRecord(**key, service_id=f"{number}", type="local", state="Healthy", desired=desired)
        )
        server.store.tasks.put(
            TaskRecord(workspace="team-a", task_id=f"t{number}", kind="image", subject="n0:1", state="Running")
        )
    found = client.get(f"{MINE}/overview").json()
    assert found["more"] == dict.fromkeys(("targets", "tasks", "datastores", "images", "services"), True)
    assert {name: len(found[name]) for name in found["more"]} == dict.fromkeys(found["more"], 2)


def test_what_is_under_way_is_shown_with_its_run(client: TestClient, server: Server, add_run) -> None:
    run = add_run(name="mine")
    add_run(name="done", state="Completed")
    add_run(name="theirs", workspace="team-b")
    server.store.tasks.put(
        TaskRecord(workspace="team-a", task_id="build", kind="environment", subject=run.run_id, state="Running")
    )
    tasks = client.get(f"{MINE}/overview").json()["tasks"]
    assert {(task["kind"], task["run_name"]) for task in tasks} == {("run", "mine"), ("environment", "mine")}


def test_a_run_has_one_name_everywhere_the_one_that_mlflow_shows(client: TestClient, server: Server, add_run) -> None:
    parent, unnamed = add_run(in_mlflow=True, name="before"), add_run(in_mlflow=True, parent_run_id="f" * 32)
    child = add_run(in_mlflow=True, parent_run_id=parent.run_id)
    history = server.context.history("team-a")
    history.log(parent.run_id, tags={"mlflow.runName": "after"})
    shown = {run.run_id: history.get(run.run_id).name for run in (parent, unnamed, child)}
    assert shown[parent.run_id] == "after"
    assert all(shown.values())

    found = client.get(f"{MINE}/overview").json()
    assert {run["run_id"]: run["name"] for run in found["runs"]["items"]} == shown
    assert {task["subject"]: task["run_name"] for task in found["tasks"]} == shown
    page = client.get(f"{MINE}/runs/{parent.run_id}").json()
    assert (page["run"]["shown_name"], page["children"][0]["name"]) == ("after", shown[child.run_id])
    assert (names(client, text="AFTER"), names(client, text="before")) == (["after"], [])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"experiment": "iris"}, ["c", "a"]),
        ({"target": "box"}, ["b"]),
        ({"state": "Failed"}, ["c"]),
        ({"state": "active"}, ["b", "a"]),
        ({"text": "B"}, ["b"]),
        ({"text": "TRAIN"}, ["c", "b", "a"]),
        ({"text": "%"}, []),
        ({"text": "_"}, []),
        ({"text": "feed"}, ["c"]),
        ({"experiment": "iris", "state": "active"}, ["a"]),
        ({"experiment": "' OR 1=1 --"}, []),
    ],
)
def test_runs_are_filtered(client: TestClient, add_run, filters: dict[str, str], expected: list[str]) -> None:
    add_run(name="a", run_id="1" * 32)
    add_run(name="b", run_id="2" * 32, target="box", experiment_name="digits")
    add_run(name="c", state="Failed", run_id="feed" * 8)
    assert names(client, **filters) == expected


def test_a_state_that_there_is_not_is_refused(client: TestClient) -> None:
    answer = client.get(f"{MINE}/overview", params={"state": "Broken"})
    assert answer.status_code == 400
    assert "Completed" in answer.json()["fix"]


def test_pages_go_on_where_the_last_one_ended_whatever_comes_meanwhile(client: TestClient, add_run) -> None:
    for number in range(PAGE + 5):
        add_run(name=f"run-{number}", created_at=1000.0 + number // 3)  # several at the same moment
    first = client.get(f"{MINE}/overview").json()["runs"]
    add_run(name="new", created_at=5000.0)
    second = client.get(f"{MINE}/runs", params={"page_token": first["next_page_token"]}).json()
    seen = [run["run_id"] for run in [*first["items"], *second["items"]]]
    assert len(seen) == len(set(seen)) == PAGE + 5
    assert second["next_page_token"] is None
    assert "new" not in [run["name"] for run in second["items"]]


def test_a_token_of_another_list_is_refused(client: TestClient) -> None:
    assert client.get(f"{MINE}/runs", params={"page_token": "x"}).status_code == 400


def test_what_has_not_changed_is_not_sent_again(client: TestClient, add_run) -> None:
    add_run()
    first = client.get(f"{MINE}/overview")
    again = client.get(f"{MINE}/overview", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    add_run()
    changed = client.get(f"{MINE}/overview", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


def test_workspaces_are_listed_with_what_goes_on_in_them(client: TestClient, add_run) -> None:
    add_run()
    add_run(state="Completed")
    found = client.get("/api/2.0/aml/console/workspaces").json()["workspaces"]
    assert {item["name"]: item["active_runs"] for item in found} == {"default": 0, "team-a": 1, "team-b": 0}


def test_images_and_services_are_shown_with_their_health_and_no_settings(client: TestClient, server: Server) -> None:
    for workspace in ("team-a", "team-a", "team-b"):
        server.store.images.add(
            ImageRecord(workspace=workspace, name="iris", state="Succeeded", builder="oci", config={"key": "hidden"})
        )
    desired = {"generation": 1, "image": "iris:2", "config": {"key": "hidden"}}
    for workspace, service_id in (("team-a", "a"), ("team-b", "b")):
        service = ServiceRecord(
            workspace=workspace, name="scorer", service_id=service_id, type="local", state="Healthy", desired=desired
        )
        server.store.services.add(service)
    answer = client.get(f"{MINE}/overview")
    found = answer.json()
    assert [(image["name"], image["version"], image["state"]) for image in found["images"]] == [
        ("iris", 2, "Succeeded")
    ]
    assert [(service["name"], service["state"], service["image"]) for service in found["services"]] == [
        ("scorer", "Healthy", "iris:2")
    ]
    assert "hidden" not in answer.text
