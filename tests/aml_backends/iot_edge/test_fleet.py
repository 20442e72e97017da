"""A service on a fleet: it comes, is updated, fails, gains a device, loses one, and goes; modules run for real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3
from services.iot_hub import ask, attach, base_deployment, device_modules
from services.loopback import free_port

from aml_plugins import Workspace
from aml_plugins.errors import OperationFailedError
from aml_plugins.services.driving import drive_once
from aml_plugins.store.leases import new_owner
from aml_plugins.testing.azure_emulator import AzureEmulator
from aml_plugins.testing.service_kit.deployment import BROKEN
from aml_plugins.testing.waiting import wait_until

pytestmark = [pytest.mark.xdist_group("networked-engine"), pytest.mark.timeout(1200)]
PATIENCE = 240


@dataclass
class Fleet:
    """Devices of one site."""

    emulator: AzureEmulator
    site: str
    devices: dict[str, str]

    def add(self) -> str:
        name = f"{self.site}-{len(self.devices)}"
        self.devices[name] = self.emulator.add_edge_device(name, site=self.site)
        return name

    def version(self, name: str, port: int) -> int | None:
        """Return which version answers on a device, None while none does."""
        url = f"http://{self.devices[name]}:{port}/score"
        try:
            answer = urllib3.request("POST", url, body=b'"x"', retries=False, timeout=30)
        except urllib3.exceptions.HTTPError:
            return None
        return int(json.loads(answer.data)["version"]) if answer.status == 200 else None


@pytest.fixture
def fleet(emulator: AzureEmulator, device: str) -> Iterator[Fleet]:
    made = Fleet(emulator, device, {})
    made.add()
    made.add()
    base_deployment(emulator, f"base-{device}", f"tags.site='{device}'")
    yield made
    ask(emulator, "DELETE", f"/configurations/base-{device}")


def test_a_fleet_is_served_from_its_first_version_to_its_end(
    workspace: Workspace, fleet: Fleet, make_image: Any
) -> None:
    attach(
        workspace, fleet.emulator, "fleet", condition=f"tags.site='{fleet.site}'", settle_seconds=0.5, look_seconds=0
    )
    port = free_port()
    service = make_image(version=1).deploy("iris", target="fleet", wait=True, timeout_seconds=PATIENCE, port=port)
    first, second = fleet.devices
    _answers(fleet, port, 1)
    assert service.scoring_uri is None
    with pytest.raises(OperationFailedError, match="no address that is known here"):
        service.run("x")
    assert "init of version 1" in service.get_logs(50)

    with pytest.raises(OperationFailedError, match="there is no such model") as failed:
        service.update(image=make_image(BROKEN), wait=True)
    assert "edge:1 serves on" in str(failed.value)
    _answers(fleet, port, 1)

    service.update(image=make_image(version=2), wait=True)
    _answers(fleet, port, 2)
    assert len(_deployments(fleet)) == 1

    third = fleet.add()
    wait_until(lambda: fleet.version(third, port) == 2, PATIENCE)
    wait_until(lambda: _looked(workspace, service) == "Healthy", PATIENCE)

    fleet.emulator.connect_edge_device(second, is_connected=False)
    for name in (first, third):  # what is away goes on unseen
        assert fleet.version(name, port) == 2
    assert _looked(workspace, service) == "Healthy"
    ask(fleet.emulator, "DELETE", f"/configurations/{_deployments(fleet)[0]}")
    wait_until(lambda: _looked(workspace, service) == "Unhealthy", PATIENCE)
    wait_until(lambda: _looked(workspace, service) == "Healthy", PATIENCE)  # it is made again

    service.delete()
    fleet.emulator.connect_edge_device(second, is_connected=True)
    assert _deployments(fleet) == []
    for name in fleet.devices:
        wait_until(lambda name=name: not device_modules(fleet.emulator, name, "reported"), PATIENCE)
        assert fleet.version(name, port) is None
    assert f"base-{fleet.site}" in [one["id"] for one in ask(fleet.emulator, "GET", "/configurations")]


def test_a_condition_that_nobody_fulfils_is_said(workspace: Workspace, fleet: Fleet, make_image: Any) -> None:
    attach(workspace, fleet.emulator, "nobody", condition="tags.site='nowhere'", look_seconds=0)
    with pytest.raises(OperationFailedError, match=r"No device of the hub fulfils tags\.site='nowhere'"):
        make_image().deploy("iris", target="nobody", wait=True, timeout_seconds=2)
    assert _deployments(fleet) == []


def _answers(fleet: Fleet, port: int, version: int) -> None:
    for name in fleet.devices:
        wait_until(lambda name=name: fleet.version(name, port) == version, PATIENCE)


def _deployments(fleet: Fleet) -> list[str]:
    found = ask(fleet.emulator, "GET", "/configurations")
    return [one["id"] for one in found if one["id"].startswith("aml-")]


def _looked(workspace: Workspace, service: Any) -> str:
    """Look at the service as a monitor does; return its state."""
    found = drive_once(workspace.context, service.refresh().record, new_owner())
    assert found is not None
    return found.state
