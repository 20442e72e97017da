"""The kit for service types on container groups of the Azure emulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from services.resolving import resolved

from aml_backends.aci.backend import AciBackend
from aml_plugins import Workspace
from aml_plugins.testing import ServiceTypeContract
from aml_plugins.testing.azure_emulator import AzureEmulator

pytestmark = pytest.mark.xdist_group("networked-engine")  # one engine, for all


class TestAciService(ServiceTypeContract):
    factory_module = "aml_backends.aci.services.backend"
    target = "cloud"
    sdk_modules = ("azure",)
    settings: ClassVar[Mapping[str, float]] = {"memory_gb": 0.5}

    @pytest.fixture
    def workspace(self, workspace: Workspace) -> Workspace:
        return workspace

    @pytest.fixture
    def image_options(self, image_options: Mapping[str, Any]) -> Mapping[str, Any]:
        return image_options

    @pytest.fixture(autouse=True)
    def _names(self, workspace: Workspace, emulator: AzureEmulator) -> Iterator[None]:
        with resolved(workspace, "cloud"):
            yield

    def remaining(self, workspace: Workspace, service_id: str) -> list[str]:
        backend = workspace.context.backends.get(workspace.name, "cloud")
        assert isinstance(backend, AciBackend)
        groups = backend.api.list_groups()
        secrets = workspace.context.kept_secrets(workspace.name)
        kept = secrets.get(f"aml-service-{service_id[:20]}")
        tagged = [str(one["name"]) for one in groups if (one.get("tags") or {}).get("aml-service") == service_id]
        return [*tagged, *(["secret"] if kept else [])]
