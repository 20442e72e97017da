"""The kit for service types on a real Kubernetes, whose nodes pull from a registry that wants a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from aml_backends.aks.backend import AksBackend
from aml_plugins import Workspace
from aml_plugins.testing import ServiceTypeContract

pytestmark = pytest.mark.xdist_group("kubernetes")  # one cluster, for all

KINDS = (
    "config_map", "deployment", "horizontal_pod_autoscaler", "ingress", "pod", "pod_disruption_budget", "secret",
    "service",
)  # fmt: skip


class TestAksService(ServiceTypeContract):
    factory_module = "aml_backends.aks.services.backend"
    target = "prod"
    settings: ClassVar[Mapping[str, Any]] = {"exposure": "NodePort", "cpu": "10m", "memory": "32Mi"}

    @pytest.fixture
    def workspace(self, workspace: Workspace) -> Workspace:
        return workspace

    @pytest.fixture
    def image_options(self, image_options: Mapping[str, Any]) -> Mapping[str, Any]:
        return image_options

    def remaining(self, workspace: Workspace, service_id: str) -> list[str]:
        backend = workspace.context.backends.get(workspace.name, "prod")
        assert isinstance(backend, AksBackend)
        labels = f"aml-plugins/service={service_id}"
        return [f"{kind} {one['metadata']['name']}" for kind in KINDS for one in backend.cluster.list(kind, labels)]
