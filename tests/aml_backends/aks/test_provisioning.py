"""A cluster that the target creates on Azure, uses and deletes; Azure is the emulator, which checks every request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aml_backends.aks.backend import AksBackend
from aml_backends.aks.provisioning import cluster_body
from aml_plugins.compute import ComputeTarget, SupportsProvisioning
from aml_plugins.compute.targets import validate_config
from aml_plugins.errors import BackendError, InvalidInputError
from aml_plugins.testing.azure_emulator import AzureEmulator, Settings
from aml_plugins.testing.jobs import wait_until

CREATE = {"location": "westeurope", "min_nodes": 1, "max_nodes": 4, "vm_size": "Standard_NC6s_v3"}


@pytest.fixture(scope="module")
def azure() -> Iterator[AzureEmulator]:
    with AzureEmulator(Settings(validate=True)) as emulator:
        yield emulator
        assert list(emulator.violations) == [], "\n".join(emulator.violations)


@pytest.fixture
def make(azure: AzureEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("AZURE_TENANT_ID", azure.settings.tenant)
    monkeypatch.setenv("AZURE_CLIENT_ID", "00000000-0000-0000-0000-000000000009")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not a secret")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.certificate))
    cluster = f"/subscriptions/{azure.settings.subscription}/resourceGroups/team/providers"

    def made(name: str, **settings: object) -> AksBackend:
        values = {
            "resource_id": f"{cluster}/Microsoft.ContainerService/managedClusters/{name}",
            "endpoint": azure.https_url,
            "authority": azure.https_url,
            **settings,
        }
        config = validate_config(AksBackend, "aks", values)
        return AksBackend(ComputeTarget(workspace="default", name="cluster", type="aks", config=config, home=tmp_path))

    return made


def test_a_cluster_is_created_used_and_deleted(make: Any) -> None:
    backend = make("prod", create=CREATE)
    assert isinstance(backend, SupportsProvisioning)
    assert not backend.ensure_target()
    wait_until(backend.ensure_target)
    assert backend._azure().kubeconfig()
    wait_until(backend.delete_target)
    assert backend._azure().state() is None
    assert backend.delete_target()


def test_a_cluster_that_is_only_attached_is_neither_created_nor_deleted(make: Any) -> None:
    with pytest.raises(BackendError, match="There is no cluster /subscriptions/"):
        make("stranger").ensure_target()
    with pytest.raises(InvalidInputError, match="is only attached"):
        make("stranger").delete_target()


def test_settings_of_a_cluster_are_checked_before_azure_is_asked() -> None:
    with pytest.raises(InvalidInputError, match="does not know nodes") as caught:
        cluster_body("prod", {"location": "westeurope", "nodes": 3})
    assert "node_count" in caught.value.fix
    with pytest.raises(InvalidInputError, match="has no location"):
        cluster_body("prod", {})


def test_the_request_in_full() -> None:
    assert cluster_body("prod", {**CREATE, "tags": {"team": "a"}}) == {
        "location": "westeurope",
        "identity": {"type": "SystemAssigned"},
        "tags": {"team": "a"},
        "properties": {
            "dnsPrefix": "prod",
            "agentPoolProfiles": [
                {
                    "name": "nodes",
                    "mode": "System",
                    "osType": "Linux",
                    "type": "VirtualMachineScaleSets",
                    "count": 1,
                    "vmSize": "Standard_NC6s_v3",
                    "enableAutoScaling": True,
                    "minCount": 1,
                    "maxCount": 4,
                }
            ],
        },
    }
