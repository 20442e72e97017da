"""The kit for service types on an IoT Edge device of the Azure emulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from services.iot_hub import attach, device_modules
from services.loopback import free_port

from aml_plugins import Workspace
from aml_plugins.testing import ServiceTypeContract
from aml_plugins.testing.azure_emulator import AzureEmulator

pytestmark = pytest.mark.xdist_group("networked-engine")  # one engine, for all


class TestIotEdgeService(ServiceTypeContract):
    factory_module = "aml_backends.iot_edge.service"
    target = "my-device"
    sdk_modules = ("azure", "requests")

    @pytest.fixture
    def workspace(self, workspace: Workspace, emulator: AzureEmulator, device: str) -> Workspace:
        address = emulator.add_edge_device(device)
        self.emulator, self.device = emulator, device
        type(self).settings = {"host": address, "port": free_port()}
        attach(workspace, emulator, self.target, device=device)
        return workspace

    @pytest.fixture
    def image_options(self, image_options: Mapping[str, Any]) -> Mapping[str, Any]:
        return image_options

    def remaining(self, workspace: Workspace, service_id: str) -> list[str]:
        parts = [device_modules(self.emulator, self.device, part) for part in ("desired", "reported")]
        found = [name for modules in parts for name in modules]
        kept = workspace.context.kept_secrets(workspace.name).get(f"aml-service-{service_id[:20]}")
        return [*found, *(["secret"] if kept else [])]
