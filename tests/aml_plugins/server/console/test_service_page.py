"""What the page of a service is told, and where its trials go: nowhere that only a row names."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from services.scored import INPUT, deployed
from starlette.testclient import TestClient

from aml_plugins import Service, Workspace
from aml_plugins.server.console.service_traffic import counted
from aml_plugins.server.serving import Server
from aml_plugins.store.records import ServiceRecord
from aml_plugins.testing.waiting import wait_until

BASE = "/api/2.0/aml/console/workspaces/team-a/services"
EXPOSITION = """
# TYPE aml_scoring_requests_total counter
aml_scoring_requests_total{path="/score",status="200"} 7.0
aml_scoring_requests_total{path="/score",status="404"} 2.0
aml_scoring_requests_total{path="/score",status="500"} 1.0
# TYPE aml_scoring_request_seconds histogram
aml_scoring_request_seconds_bucket{le="0.001"} 4.0
aml_scoring_request_seconds_bucket{le="+Inf"} 10.0
aml_scoring_request_seconds_count 10.0
aml_scoring_request_seconds_sum 0.5
"""


@pytest.fixture
def service(workspaces: None, store_uri: str, tmp_path: Path) -> Iterator[Service]:
    workspace = Workspace.get("team-a", store=store_uri)
    with deployed(workspace, tmp_path, "flowers", auth=True, variables={"TOKEN": "hidden-value"}) as made:
        yield made
    workspace.close()


def test_the_page_of_a_service(client: TestClient, service: Service) -> None:
    answer = client.get(f"{BASE}/flowers")
    page = answer.json()
    (version,) = page["versions"]
    assert (page["service"]["state"], version["image"], version["weight"]) == ("Healthy", "iris-svc:1", 100)
    assert version["models"] == ["iris:1"]
    assert (page["wanted"]["needs_key"], page["wanted"]["variables"]) == (True, ["TOKEN"])
    assert (page["is_within_reach"], page["may_try"]) == (True, True)
    assert page["events"][-1]["new"] == "Completed"
    assert "hidden-value" not in answer.text
    assert client.get(f"{BASE}/flowers", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_a_trial_is_sent_with_the_key_and_counted(client: TestClient, service: Service) -> None:
    schema = client.get(f"{BASE}/flowers/schema").json()
    assert schema == {"schema": INPUT, "example": INPUT["example"]}
    said = client.post(f"{BASE}/flowers/try", json={"body": '{"name": "x", "sizes": [1]}'}).json()
    assert (said["status"], said["text"], said["is_whole"]) == (200, '{"sum": 1, "name": "x"}', True)
    wrong = client.post(f"{BASE}/flowers/try", json={"body": "no JSON"}).json()
    assert wrong["status"] == 500

    def numbers_now() -> Any:
        (version,) = client.get(f"{BASE}/flowers/traffic").json()["versions"]
        return version["counted"]

    # The description that was read is a request like others; requests are counted ten times a second.
    wait_until(lambda: numbers_now()["requests"] == 3)
    numbers = numbers_now()
    assert (numbers["requests"], numbers["client_errors"], numbers["server_errors"]) == (3, 0, 1)
    assert numbers["buckets"][-1] == [None, 3]
    (log,) = client.get(f"{BASE}/flowers/log").json()["logs"]
    assert "the model is there" in log["text"]


def test_another_sites_page_cannot_try(client: TestClient, service: Service) -> None:
    path, body = f"{BASE}/flowers/try", {"body": "{}"}
    for site in ("cross-site", "same-site"):
        assert client.post(path, json=body, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert client.post(path, content='{"body": "{}"}', headers={"Content-Type": "text/plain"}).status_code == 403


@pytest.fixture
def neighbour() -> Iterator[tuple[str, list[str]]]:
    """Somebody else's server on this machine; the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815  the standard library's name

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def add(server: Server, **fields: object) -> None:
    desired = {"generation": 1, "image": "iris:1", "config": {}}
    record = {"workspace": "team-a", "name": "given", "service_id": "a", "type": "local", "state": "Healthy"}
    server.store.services.add(ServiceRecord(**{**record, "desired": desired, **fields}))


def test_an_address_that_only_the_row_tells_is_not_asked(client, server, workspaces, neighbour, aml_home) -> None:
    from aml_plugins.home import home_id

    address, asked = neighbour
    desired = {"generation": 1, "image": "iris:1", "config": {}, "home": home_id(aml_home)}
    add(server, endpoint=address, desired=desired)
    assert client.get(f"{BASE}/given/schema").status_code == 409
    answer = client.post(f"{BASE}/given/try", json={"body": "{}"})
    assert (answer.status_code, answer.json()["error_code"]) == (409, "operation_failed")
    assert asked == []


@pytest.mark.parametrize("key", ["../../../secrets", "a-1/../../x", "", "a"])
def test_a_handle_leads_to_no_other_directory(client, server, workspaces, aml_home, key) -> None:
    from aml_plugins.home import home_id

    (aml_home / "secrets").mkdir()
    (aml_home / "secrets" / "server.log").write_text("a stranger's line")
    desired = {"generation": 1, "image": "iris:1", "config": {}, "home": home_id(aml_home)}
    handle = {"key": key, "service_id": "a"}
    add(server, desired=desired, deployments=[{"key": key, "image": "iris:1", "handle": handle, "weight": 1}])
    answer = client.get(f"{BASE}/given/log")
    assert answer.status_code == 200
    assert "stranger" not in answer.text
    assert "none of ours" in answer.json()["logs"][0]["text"]
    assert client.get(f"{BASE}/given/traffic").json()["versions"][0]["counted"] is None


def test_a_service_that_nothing_drives_here_is_shown(client, server, workspaces) -> None:
    add(server, type="gone", deployments=[{"key": "a-1", "image": "x", "handle": {}}, "no mapping"])
    page = client.get(f"{BASE}/given").json()
    assert (page["is_within_reach"], len(page["versions"])) == (False, 1)
    assert client.get(f"{BASE}/given/log").json() == {"logs": [], "is_within_reach": False}
    assert client.get(f"{BASE}/given/traffic").json()["can_count"] is False


def test_counts_are_read_from_an_exposition() -> None:
    found = counted(EXPOSITION)
    assert found == {
        "requests": 10,
        "client_errors": 2,
        "server_errors": 1,
        "seconds": 0.5,
        "buckets": [[0.001, 4], [None, 10]],
    }


@pytest.mark.parametrize(
    "text", ["{{", 'aml_scoring_requests_total{status="200" 1', "a b c d", "aml_scoring_requests_total nan"]
)
def test_what_is_no_exposition_counts_nothing(text: str) -> None:
    found = counted(text)
    assert found is None or found["requests"] == 0
