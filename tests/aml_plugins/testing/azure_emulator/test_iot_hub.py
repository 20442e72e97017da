"""The emulator's IoT hub: deployments and their order, twins, queries; no module has to run."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from services.iot_hub import ROUTES, RUNTIME, ask, base_deployment, host_of
from services.requirements import require_service

from aml_backends.iot_edge.signatures import signed
from aml_plugins.testing.azure_emulator import AzureEmulator, Settings
from aml_plugins.testing.azure_emulator.iot_hub.queries import QueryError, parse_condition, parse_query

TOOL = Path(__file__).parents[4] / "tools" / "azure-iot-hub"
PROGRAM = Path(__file__).parent / "programs" / "iot_hub_client.py"


@pytest.fixture(scope="module")
def hub() -> Iterator[AzureEmulator]:
    with AzureEmulator(Settings(validate=True)) as emulator:
        emulator.add_edge_device("here", site="x", floor=1)
        emulator.add_edge_device("there", site="y", floor=2)
        yield emulator
        assert emulator.violations == []


def _layer(hub: AzureEmulator, name: str, route: str, *, condition: str = "tags.site='x'", priority: int = 2) -> Any:
    content = {"$edgeHub": {"properties.desired.routes.up": route}}
    body = {"id": name, "content": {"modulesContent": content}, "targetCondition": condition, "priority": priority}
    return ask(hub, "PUT", f"/configurations/{name}", body)


def _route(hub: AzureEmulator, device: str) -> Any:
    twin = ask(hub, "GET", f"/twins/{device}/modules/$edgeHub")
    return (twin["properties"]["desired"].get("routes") or {}).get("up")


def test_layers_apply_above_their_base_and_leave_no_trace(hub: AzureEmulator) -> None:
    made = _layer(hub, "one", "FROM /1 INTO $upstream")
    assert made["systemMetrics"]["results"]["targetedCount"] == 1
    assert made["systemMetrics"]["results"]["appliedCount"] == 0  # there is no base yet
    base_deployment(hub, "base", "tags.site='x'")
    assert (_route(hub, "here"), _route(hub, "there")) == ("FROM /1 INTO $upstream", None)
    _layer(hub, "two", "FROM /2 INTO $upstream")
    assert _route(hub, "here") == "FROM /2 INTO $upstream"  # of equals, the one created last
    _layer(hub, "low", "FROM /0 INTO $upstream", priority=0)
    assert _route(hub, "here") == "FROM /2 INTO $upstream"  # below the base
    for name, left in (("two", "FROM /1 INTO $upstream"), ("one", None), ("low", None), ("base", None)):
        ask(hub, "DELETE", f"/configurations/{name}")
        assert _route(hub, "here") == left


def test_what_the_hub_refuses(hub: AzureEmulator) -> None:
    assert _refused(hub, "PATCH", "/twins/here/modules/$edgeAgent", {}) == (401, "SystemModuleModifyUnauthorizedAccess")
    assert _refused(hub, "GET", "/twins/nobody/modules/$edgeAgent") == (404, "DeviceNotFound")
    assert _refused(hub, "GET", "/configurations/none") == (404, "ConfigurationNotFound")
    assert _refused(hub, "POST", "/devices/here/applyConfigurationContent", {"modulesContent": {}})[0] == 400
    _layer(hub, "mine", "FROM /1 INTO $upstream")
    body = {"id": "mine", "content": {"modulesContent": {}}}
    assert _refused(hub, "PUT", "/configurations/mine", body) == (409, "ConfigurationAlreadyExists")
    assert _refused(hub, "PUT", "/configurations/mine", body, {"If-Match": "*"}) == (400, "ArgumentInvalid")
    assert _refused(hub, "PUT", "/configurations/mine", {"priority": 3}, {"If-Match": '"old"'})[0] == 412
    ask(hub, "DELETE", "/configurations/mine")
    hub.connect_edge_device("here", is_connected=False)
    call = {"methodName": "GetModuleLogs", "payload": {}}
    assert _refused(hub, "POST", "/twins/here/modules/$edgeAgent/methods", call) == (404, "DeviceNotOnline")
    hub.connect_edge_device("here", is_connected=True)


@pytest.mark.parametrize(("key", "seconds"), [(b"another key", 60), (None, -60)])
def test_signatures_are_looked_at(hub: AzureEmulator, key: bytes | None, seconds: int) -> None:
    token = signed(host_of(hub), "p", key or base64.b64decode(hub.settings.key), int(time.time()) + seconds)
    assert _refused(hub, "GET", "/configurations", headers={"Authorization": token}) == (
        401,
        "IotHubUnauthorizedAccess",
    )


def test_a_manifest_set_by_hand_is_all_there_is(hub: AzureEmulator) -> None:
    whole = {"$edgeAgent": {"properties.desired": RUNTIME}, "$edgeHub": {"properties.desired": ROUTES}}
    ask(hub, "POST", "/devices/there/applyConfigurationContent", {"modulesContent": whole})
    names = [one["moduleId"] for one in ask(hub, "GET", "/devices/there/modules")]
    assert sorted(names) == ["$edgeAgent", "$edgeHub"]


def test_queries_are_paged(hub: AzureEmulator) -> None:
    found: list[str] = []
    more: str | None = ""
    while more is not None:
        headers = {"x-ms-max-item-count": "1", **({"x-ms-continuation": more} if more else {})}
        answer = _asked(hub, "POST", "/devices/query", {"query": "SELECT deviceId FROM devices"}, headers)
        found += [one["deviceId"] for one in answer.json()]
        more = answer.headers.get("x-ms-continuation")
    assert found == ["here", "there"]


def test_microsofts_own_client_works_as_on_azure(hub: AzureEmulator) -> None:
    python = subprocess.run([TOOL, "find"], capture_output=True, text=True, check=False).stdout.strip()
    require_service("azure-iot-hub", python, "tools/azure-iot-hub install")
    command = [python, PROGRAM, host_of(hub), hub.settings.key, "there"]
    variables = {**os.environ, "REQUESTS_CA_BUNDLE": str(hub.certificate)}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "twin": ["Connected", True],
        "metrics": [1, 1],
        "routes": {"up": "FROM /* INTO $upstream"},
        "applied": 1,
        "priority": 3,
        "stale": 412,
        "logs": [200, []],
        "tags": 2,
        "system": 401,
        "missing": 404,
        "left": {},
    }


TWIN = {"deviceId": "d", "tags": {"site": "x", "floor": 2}, "configurations": {"a-b": {"status": "Applied"}}}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("*", True),
        ("", False),
        ("tags.site='x'", True),
        ("tags.site = 'x' AND NOT tags.floor > 2", True),
        ("tags.site != 'x' OR (tags.floor >= 2 and deviceId in ['d', 'e'])", True),
        ("tags.nothing <> 'x'", False),
        ("tags.floor < 'x'", False),
        ("is_defined(tags.floor) and not is_defined(tags.roof)", True),
        ("configurations.[[a-b]].status = 'Applied'", True),
        ("tags.site = 'it\\'s'", False),
    ],
)
def test_conditions(condition: str, holds: object) -> None:
    assert parse_condition(condition)(TWIN) is holds


@pytest.mark.parametrize("text", ["tags.site ~ 1", "tags.site =", "tags.site = 'x", "(tags.site = 'x'", "tags", "1 2"])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(QueryError):
        parse_condition(text)


def test_queries_select() -> None:
    query = parse_query("SELECT deviceId, tags.site AS place, tags.roof FROM devices WHERE tags.floor = 2")
    assert (query.selected(TWIN), query.source) == ({"deviceId": "d", "place": "x"}, "devices")
    assert parse_query("select * from devices.modules").selected(TWIN) == TWIN
    with pytest.raises(QueryError):
        parse_query("SELECT * FROM jobs")


def _asked(hub: AzureEmulator, verb: str, path: str, body: Any = None, headers: Any = None) -> requests.Response:
    token = signed(host_of(hub), "p", base64.b64decode(hub.settings.key), int(time.time()) + 60)
    return requests.request(
        verb, f"{hub.https_url}{path}", params={"api-version": "2021-04-12"}, json=body, timeout=60,
        verify=str(hub.certificate), headers={"Authorization": token, **(headers or {})},
    )  # fmt: skip


def _refused(hub: AzureEmulator, verb: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, str]:
    answer = _asked(hub, verb, path, body, headers)
    return answer.status_code, answer.headers["iothub-errorcode"]
