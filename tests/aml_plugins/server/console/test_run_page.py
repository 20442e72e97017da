"""The read model of a run's page, and what it may change."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aml_plugins.runs.history import Metric
from aml_plugins.server.console.series import POINTS
from aml_plugins.server.serving import Server

MINE = "/api/2.0/aml/console/workspaces/team-a"


def test_a_run_before_mlflow_knows_it(client: TestClient, add_run) -> None:
    run = add_run(state="NotStarted", name="early")
    page = client.get(f"{MINE}/runs/{run.run_id}").json()
    assert page["run"]["state"] == "NotStarted"
    assert page["run"]["shown_name"] == "early"
    assert [event["message"] for event in page["events"]] == ["Submitted."]
    assert page["metrics"] == page["tags"] == {}
    assert page["snapshot"] is None
    assert page["may_cancel"] is True


def test_a_run_with_everything(client: TestClient, server: Server, add_run, add_snapshot, move) -> None:
    snapshot = add_snapshot({"train.py": b"print()"})
    run = add_run(in_mlflow=True, name="whole", snapshot_digest=snapshot.digest)
    history = server.context.history("team-a")
    history.log(
        run.run_id,
        metrics=[Metric("loss", 0.5, 1), Metric("odd", math.nan, 1), Metric("far", -math.inf, 1)],
        params={"alpha": "1"},
        tags={"colour": "blue", "aml.hidden": "x", "mlflow.note.content": "<b>note</b>"},
    )
    history.create_run("c" * 32, run.experiment_id, name="opened", tags={}, parent_run_id=run.run_id)
    add_run(name="submitted", parent_run_id=run.run_id)
    move(run, state="Completed", ended_at=2.0)
    page = client.get(f"{MINE}/runs/{run.run_id}").json()
    assert page["metrics"]["loss"] == 0.5
    assert page["metrics"]["odd"] == "NaN"
    assert page["metrics"]["far"] == -1.7976931348623157e308  # as MLflow keeps it
    assert page["parameters"] == {"alpha": "1"}
    assert page["tags"] == {"colour": "blue"}
    assert page["note"] == "<b>note</b>"
    assert page["snapshot"]["files"] == 1
    assert {child["name"]: child["has_page"] for child in page["children"]} == {"submitted": True, "opened": False}
    assert [event["new"] for event in page["events"]] == ["Running", "Completed"]
    assert page["mlflow"] == f"/#/experiments/{run.experiment_id}/runs/{run.run_id}?workspace=team-a"


def test_many_values_are_thinned_and_the_spike_stays(client: TestClient, server: Server, add_run) -> None:
    run = add_run(in_mlflow=True)
    points = [Metric("m", 99.0 if step == 1234 else 1.0, step, step) for step in range(3000)]
    server.context.history("team-a").log(run.run_id, metrics=points)
    found = client.get(f"{MINE}/runs/{run.run_id}/series", params={"key": "m"}).json()
    assert found["count"] == 3000
    assert len(found["points"]) <= POINTS
    assert max(found["points"], key=lambda point: point[1])[:2] == [1234, 99.0]
    assert (found["points"][0][0], found["points"][-1][0]) == (0, 2999)


def test_a_metric_that_there_is_not_has_no_points(client: TestClient, add_run) -> None:
    run = add_run(in_mlflow=True)
    found = client.get(f"{MINE}/runs/{run.run_id}/series", params={"key": "nothing"}).json()
    assert found == {"key": "nothing", "count": 0, "points": []}


def test_a_run_is_canceled(client: TestClient, server: Server, add_run) -> None:
    run = add_run()
    answer = client.post(f"{MINE}/runs/{run.run_id}/cancel", json={}, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200
    assert answer.json()["run"]["cancel_requested_at"] > 0
    assert server.store.runs.get("team-a", run.run_id).cancel_requested_at is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_cancels_nothing(client: TestClient, server: Server, add_run, site: str) -> None:
    run = add_run()
    answer = client.post(f"{MINE}/runs/{run.run_id}/cancel", json={}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert server.store.runs.get("team-a", run.run_id).cancel_requested_at is None


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_a_form_cancels_nothing(client: TestClient, server: Server, add_run, kind: str) -> None:
    run = add_run()
    answer = client.post(f"{MINE}/runs/{run.run_id}/cancel", content=b"x=1", headers={"Content-Type": kind})
    assert answer.status_code == 403
    assert server.store.runs.get("team-a", run.run_id).cancel_requested_at is None
    assert client.get(f"{MINE}/runs/{run.run_id}/cancel").status_code == 405


def test_files_are_listed_and_come_as_downloads(client: TestClient, server: Server, add_run, tmp_path: Path) -> None:
    run = add_run(in_mlflow=True)
    page = tmp_path / "report.html"
    page.write_text("<script>alert(1)</script>")
    history = server.context.history("team-a")
    history.upload(run.run_id, page, "outputs")
    top = client.get(f"{MINE}/runs/{run.run_id}/files").json()
    assert top["files"] == [{"path": "outputs", "directory": True, "size": None}]
    below = client.get(f"{MINE}/runs/{run.run_id}/files", params={"path": "outputs"}).json()["files"]
    assert below == [{"path": "outputs/report.html", "directory": False, "size": 25}]
    answer = client.get(f"{MINE}/runs/{run.run_id}/file", params={"path": "outputs/report.html"})
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["", "outputs", "../../secret", "/etc/passwd", "outputs/../../x", "a\0b", "~/x", "no"])
def test_no_other_file_is_given_away(client: TestClient, server: Server, add_run, tmp_path: Path, path: str) -> None:
    run = add_run(in_mlflow=True)
    (tmp_path / "x.txt").write_text("x")
    server.context.history("team-a").upload(run.run_id, tmp_path / "x.txt", "outputs")
    answer = client.get(f"{MINE}/runs/{run.run_id}/file", params={"path": path})
    assert answer.status_code in {400, 404}, answer.text
    listed = client.get(f"{MINE}/runs/{run.run_id}/files", params={"path": path})
    assert listed.status_code in {200, 400, 404}
    assert "root:" not in listed.text


def test_a_files_name_cannot_split_the_answer(client: TestClient, server: Server, add_run, tmp_path: Path) -> None:
    run = add_run(in_mlflow=True)
    name = 'a"; filename="b\r\nX-Evil: 1.txt'
    (tmp_path / name).write_text("x")
    server.context.history("team-a").upload(run.run_id, tmp_path / name, "outputs")
    answer = client.get(f"{MINE}/runs/{run.run_id}/file", params={"path": f"outputs/{name}"})
    assert "x-evil" not in answer.headers
    if answer.status_code == 200:
        assert "\r" not in answer.headers["content-disposition"]


def test_a_task_is_shown_with_its_run(client: TestClient, add_run) -> None:
    run = add_run()
    page = client.get(f"{MINE}/tasks/{run.run_id}").json()
    assert page["task"]["kind"] == "run"
    assert page["run_id"] == run.run_id
    assert len(page["events"]) == 1
