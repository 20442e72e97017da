"""What is written into a device's manifest, and what is refused: the hub is asked, no module needs to run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from services.container_registry import PASSWORD, USER
from services.iot_hub import RUNTIME, ask, attach, base_deployment, device_modules, host_of

from aml_backends.iot_edge.config import IotEdgeConfig, IotEdgeServiceConfig
from aml_backends.iot_edge.hub import HttpHubApi
from aml_plugins import Experiment, ScriptRunConfig, Service, Workspace
from aml_plugins.errors import BackendError, InvalidInputError, TransientBackendError
from aml_plugins.services.contract import DeploymentState
from aml_plugins.services.driving import drive_once
from aml_plugins.services.types import load_backend
from aml_plugins.store.leases import new_owner
from aml_plugins.testing.azure_emulator import AzureEmulator
from aml_plugins.testing.service_kit.base import spec_of

pytestmark = pytest.mark.xdist_group("networked-engine")

OTHERS = {
    "type": "docker",
    "status": "running",
    "restartPolicy": "always",
    "settings": {"image": "example.com/camera:1", "createOptions": "{}"},
}
CREDENTIAL = {"address": "example.com", "username": "camera", "password": "theirs"}


@pytest.fixture
def device(hub: AzureEmulator, device: str) -> str:
    """A device that is away: what is desired of it is written down, and that is all."""
    hub.add_edge_device(device, site=device)
    hub.connect_edge_device(device, is_connected=False)
    return device


def _twins(hub: AzureEmulator, device: str) -> list[dict[str, Any]]:
    twins = [ask(hub, "GET", f"/twins/{device}/modules/{module}") for module in ("$edgeAgent", "$edgeHub")]
    return [{k: v for k, v in twin["properties"]["desired"].items() if not k.startswith("$")} for twin in twins]


def _deployed(workspace: Workspace, make_image: Any, **settings: Any) -> Service:
    """Write a service down; nobody drives it."""
    return make_image().deploy("iris", target="edge", wait=False, **settings)  # type: ignore[no-any-return]


def test_a_module_comes_and_goes_and_what_others_have_stays(
    workspace: Workspace, hub: AzureEmulator, device: str, make_image: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = {"type": "docker", "settings": {"registryCredentials": {"theirs": CREDENTIAL}}}
    before = {
        "$edgeAgent": {"properties.desired": {**RUNTIME, "runtime": runtime, "modules": {"camera": OTHERS}}},
        "$edgeHub": {
            "properties.desired": {"schemaVersion": "1.1", "routes": {"iris-theirs": "FROM /* INTO $upstream"}}
        },
        "camera": {"properties.desired": {"interval": 5}},
    }
    ask(hub, "POST", f"/devices/{device}/applyConfigurationContent", {"modulesContent": before})
    found = _twins(hub, device)
    attach(workspace, hub, "edge", device=device)
    monkeypatch.setenv("TOKEN", "hunter2-hunter2")
    service = _deployed(
        workspace,
        make_image,
        port=8080,
        memory_gb=0.5,
        variables={"TOKEN": "secret://env/TOKEN"},
        routes={"up": "FROM /messages/modules/iris/outputs/* INTO $upstream"},
        twin={"threshold": 0.5},
        create_options={"HostConfig": {"LogConfig": {"Type": "local"}}, "Labels": {"team": "x" * 600}},
    )
    backend = load_backend(workspace.context, "iot-edge")
    spec = spec_of(backend, service)
    handle = backend.submit(spec)
    agent, edge_hub = _twins(hub, device)
    mine = agent["modules"]["iris"]
    assert agent["modules"]["camera"] == OTHERS
    assert mine["env"]["TOKEN"] == {"value": "hunter2-hunter2"}
    credentials = agent["runtime"]["settings"]["registryCredentials"]
    assert credentials["theirs"] == CREDENTIAL
    assert [(one["username"], one["password"]) for name, one in credentials.items() if name != "theirs"] == [
        (USER, PASSWORD)
    ]
    assert "FROM /messages/modules/iris/outputs/* INTO $upstream" in edge_hub["routes"].values()
    assert ask(hub, "GET", f"/twins/{device}/modules/iris")["properties"]["desired"]["threshold"] == 0.5
    assert ask(hub, "GET", f"/twins/{device}/modules/camera")["properties"]["desired"]["interval"] == 5
    pieces = {name: text for name, text in mine["settings"].items() if name.startswith("createOptions")}
    assert sorted(pieces) == ["createOptions", "createOptions01"]
    options = json.loads("".join(pieces[name] for name in sorted(pieces)))
    assert options["HostConfig"] == {
        "PortBindings": {"5001/tcp": [{"HostPort": "8080"}]}, "Memory": 1 << 29, "LogConfig": {"Type": "local"},
    }  # fmt: skip
    shown = [json.dumps(backend.plan(spec)), repr(service.refresh().record)]
    assert not [text for text in shown for secret in ("hunter2-hunter2", PASSWORD) if secret in text]

    calls = len(hub.calls)
    assert backend.submit(spec) == handle
    assert not [call for call in hub.calls[calls:] if "applyConfigurationContent" in call]  # it is there already
    backend.delete(handle)
    assert _twins(hub, device) == found


def test_a_lost_answer_and_another_writer_lose_nothing(
    workspace: Workspace, hub: AzureEmulator, device: str, make_image: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(workspace, hub, "edge", device=device)
    backend = load_backend(workspace.context, "iot-edge")
    spec = spec_of(backend, _deployed(workspace, make_image))
    hub.faults.add("drop", verb="POST", path=f"/devices/{device}/applyConfigurationContent")
    with pytest.raises(TransientBackendError):
        backend.submit(spec)
    handle = backend.find(spec.key, spec.service)
    assert handle is not None
    backend.delete(handle)

    plain, content = (
        HttpHubApi.apply,
        {"$edgeAgent": {"properties.desired": {**RUNTIME, "modules": {"camera": OTHERS}}}},
    )
    others = [content]

    def overtaken(self: HttpHubApi, name: str, modules: Mapping[str, Any]) -> None:
        plain(self, name, modules)
        if others:
            ask(hub, "POST", f"/devices/{device}/applyConfigurationContent", {"modulesContent": others.pop()})

    monkeypatch.setattr(HttpHubApi, "apply", overtaken)
    backend.submit(spec)
    assert sorted(device_modules(hub, device)) == ["camera", "iris"]


def test_a_device_that_is_away_is_said_to_be(
    workspace: Workspace, hub: AzureEmulator, device: str, make_image: Any
) -> None:
    attach(workspace, hub, "edge", device=device)
    backend = load_backend(workspace.context, "iot-edge")
    handle = backend.submit(spec_of(backend, _deployed(workspace, make_image)))
    status = backend.status(handle)
    assert status.state is DeploymentState.UNKNOWN
    assert "not connected" in str(status.reason)
    assert backend.logs(handle, 5) == ""


def test_a_new_device_gets_the_runtime(workspace: Workspace, hub: AzureEmulator, device: str, make_image: Any) -> None:
    attach(workspace, hub, "edge", device=device, runtime_version="1.4")
    backend = load_backend(workspace.context, "iot-edge")
    backend.submit(spec_of(backend, _deployed(workspace, make_image)))
    agent, edge_hub = _twins(hub, device)
    assert agent["systemModules"]["edgeHub"]["settings"]["image"] == "mcr.microsoft.com/azureiotedge-hub:1.4"
    assert edge_hub["storeAndForwardConfiguration"] == {"timeToLiveSecs": 7200}


def test_a_module_of_somebody_else_is_left_alone(
    workspace: Workspace, hub: AzureEmulator, device: str, make_image: Any
) -> None:
    content = {"$edgeAgent": {"properties.desired": {**RUNTIME, "modules": {"iris": OTHERS}}}}
    ask(hub, "POST", f"/devices/{device}/applyConfigurationContent", {"modulesContent": content})
    attach(workspace, hub, "edge", device=device)
    service = _deployed(workspace, make_image)
    backend = load_backend(workspace.context, "iot-edge")
    with pytest.raises(InvalidInputError, match=r"a module 'iris' already.*the setting module"):
        backend.submit(spec_of(backend, service))
    assert device_modules(hub, device) == {"iris": OTHERS}
    service.delete()
    assert device_modules(hub, device) == {"iris": OTHERS}


def test_a_device_of_a_fleet_is_refused_for_itself(
    workspace: Workspace, hub: AzureEmulator, device: str, make_image: Any
) -> None:
    base_deployment(hub, f"base-{device}", f"tags.site='{device}'")
    attach(workspace, hub, "edge", device=device)
    backend = load_backend(workspace.context, "iot-edge")
    spec = spec_of(backend, _deployed(workspace, make_image))
    try:
        with pytest.raises(InvalidInputError, match=f"automatic deployment 'base-{device}'.*--condition"):
            backend.submit(spec)
    finally:
        ask(hub, "DELETE", f"/configurations/base-{device}")


def test_what_a_fleet_cannot_have_is_refused_before_anything_is_written(
    workspace: Workspace, hub: AzureEmulator, make_image: Any
) -> None:
    attach(workspace, hub, "edge", condition="tags.site='nowhere'")
    with pytest.raises(InvalidInputError, match="no common address"):
        _deployed(workspace, make_image, host="10.0.0.1", port=80)
    assert Service.list(workspace) == []
    service = _deployed(workspace, make_image)
    assert drive_once(workspace.context, service.record, new_owner()) is not None
    with pytest.raises(InvalidInputError, match="deploy a service of the same module there"):
        service.update(traffic=10)


def test_a_part_of_a_fleet_may_have_the_module_of_another_service(
    workspace: Workspace, hub: AzureEmulator, device: str, make_image: Any
) -> None:
    hub.add_edge_device(f"{device}-2", site=device, canary="yes")
    base_deployment(hub, f"base-{device}", f"tags.site='{device}'")
    attach(workspace, hub, "edge", condition=f"tags.site='{device}'", look_seconds=0)
    attach(workspace, hub, "few", condition=f"tags.site='{device}' AND tags.canary='yes'", priority=20, look_seconds=0)
    attach(workspace, hub, "all", condition=f"tags.site='{device}'", priority=30, look_seconds=0)
    backend = load_backend(workspace.context, "iot-edge")
    image, handles = make_image(), []
    try:
        for name, target, words in (
            ("iris", "edge", "0 of 2 devices"),
            ("canary", "few", "0 of 1 devices"),
            ("later", "all", "0 of 2 devices"),
        ):
            service = image.deploy(name, target=target, wait=False, module="iris")
            handles.append(backend.submit(spec_of(backend, service)))
            assert words in str(backend.status(handles[-1]).reason)
            if name == "canary":
                assert "0 of 1 devices" in str(backend.status(handles[0]).reason)
        assert "higher priority have the module 'iris' on every device" in str(backend.status(handles[0]).reason)
    finally:
        for handle in handles:
            backend.delete(handle)
        ask(hub, "DELETE", f"/configurations/base-{device}")


def test_a_fleet_gets_a_new_key_by_a_new_deployment(
    workspace: Workspace, hub: AzureEmulator, device: str, make_image: Any
) -> None:
    base_deployment(hub, f"base-{device}", f"tags.site='{device}'")
    attach(workspace, hub, "edge", condition=f"tags.site='{device}'", look_seconds=0)
    service = _deployed(workspace, make_image, auth=True)
    digests = []
    for regenerate in (None, "primary", "primary"):
        keys = service.keys(regenerate=regenerate)
        for _ in range(2):  # written down, then made
            assert drive_once(workspace.context, service.refresh().record, new_owner()) is not None
        env = device_modules(hub, device)["iris"]["env"]
        digests.append(env["AML_SCORING_KEY_DIGESTS"]["value"].split(","))
        assert [hashlib.sha256(key.encode()).hexdigest() for key in (keys.primary, keys.secondary)] == digests[-1]
    assert len({first for first, _ in digests}) == 3
    assert len({second for _, second in digests}) == 1
    service.delete()
    assert not [one["id"] for one in ask(hub, "GET", "/configurations") if service.record.service_id[:20] in one["id"]]
    ask(hub, "DELETE", f"/configurations/base-{device}")


def test_the_hub_says_no_in_sentences(workspace: Workspace, hub: AzureEmulator, device: str) -> None:
    target = attach(workspace, hub, "edge", device=device)
    assert target.check() == f"device {device}: Disconnected"
    assert attach(workspace, hub, "fleet", condition=f"tags.site='{device}'").check().startswith("1 devices")
    with pytest.raises(InvalidInputError, match="no IoT Edge device"):
        attach(workspace, hub, "nobody", device="nobody").check()
    with pytest.raises(BackendError, match=r"refused to look at its devices.*"):
        attach(workspace, hub, "wrong", condition="tags.site ~ 1").check()
    hub.faults.add("throttle", path=f"/twins/{device}", seconds=7)
    with pytest.raises(TransientBackendError) as busy:
        target.check()
    assert busy.value.retry_after == 7


def test_a_wrong_key_is_told_from_a_missing_one(
    workspace: Workspace, hub: AzureEmulator, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_KEY", "bm90IHRoZSBrZXk=")
    with pytest.raises(BackendError, match=r"Unauthorized.*IoT Hub Data Contributor"):
        attach(workspace, hub, "wrong", device=device, key="secret://env/OTHER_KEY").check()
    monkeypatch.setenv("OTHER_KEY", "no key!")
    with pytest.raises(InvalidInputError, match="not base64"):
        attach(workspace, hub, "broken", device=device, key="secret://env/OTHER_KEY").check()


def test_an_identity_will_do_without_a_key(
    workspace: Workspace, hub: AzureEmulator, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("TENANT_ID", hub.settings.tenant), ("CLIENT_ID", "me"), ("CLIENT_SECRET", "not a secret")):
        monkeypatch.setenv(f"AZURE_{name}", value)
    settings = {"hub": host_of(hub), "device": device, "authority": hub.https_url}
    workspace.attach_compute("iot-edge", "edge", **settings)
    assert workspace.context.backends.get(workspace.name, "edge").check() == f"device {device}: Disconnected"


def test_scripts_are_refused(workspace: Workspace, hub: AzureEmulator, device: str, tmp_path: Any) -> None:
    attach(workspace, hub, "edge", device=device)
    source = tmp_path / "script"
    source.mkdir()
    (source / "train.py").write_text("")
    with pytest.raises(InvalidInputError, match=r"runs no scripts.*aml service deploy"):
        Experiment(workspace, "edge").submit(ScriptRunConfig(source, script="train.py", compute_target="edge"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hub": "h"}, "either device or condition"),
        ({"hub": "h", "device": "d", "condition": "*"}, "either device or condition"),
        ({"hub": "https://h", "device": "d"}, "host name alone"),
        ({"hub": "h", "device": "d", "key": "plain"}, "reference to a secret"),
        ({"hub": "h", "device": "d", "registry_server": "r"}, "go together"),
    ],
)
def test_wrong_settings_of_a_target_are_named(settings: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        IotEdgeConfig.model_validate(settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "10.0.0.1"}, "host needs port"),
        ({"module": "my module"}, "letters, digits"),
        ({"routes": {"up": "upstream"}}, "FROM SOURCE"),
        ({"routes": "up"}, "must be NAME=VALUE"),
        ({"twin": "up"}, "must be JSON"),
        ({"routes": {"a.b": "FROM /* INTO $upstream"}}, "letters, digits"),
    ],
)
def test_wrong_settings_of_a_service_are_named(settings: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        IotEdgeServiceConfig.model_validate(settings)
