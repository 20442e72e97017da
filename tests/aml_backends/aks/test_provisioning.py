"""A cluster that the target creates on Azure, uses and deletes; Azure is the emulator, which checks every request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aml_backends.aks.backend import AksBackend
from aml_backends.aks.creation import AksCreation, cluster_body
from aml_plugins import Workspace
from aml_plugins.compute import ComputeTarget, JobSpec, SupportsProvisioning
from aml_plugins.compute.targets import validate_config
from aml_plugins.errors import AlreadyExistsError, BackendError, InvalidInputError, TransientBackendError
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

    def made(name: str, target: str = "cluster", **settings: object) -> AksBackend:
        values = {
            "resource_id": f"{cluster}/Microsoft.ContainerService/managedClusters/{name}",
            "endpoint": azure.https_url,
            "authority": azure.https_url,
            **settings,
        }
        config = validate_config(AksBackend, "aks", values)
        return AksBackend(ComputeTarget(workspace="default", name=target, type="aks", config=config, home=tmp_path))

    return made


def test_a_cluster_is_created_used_and_deleted(make: Any) -> None:
    backend = make("prod", create=CREATE)
    assert isinstance(backend, SupportsProvisioning)
    assert not backend.ensure_target()
    wait_until(backend.ensure_target)
    assert backend._azure().kubeconfig()
    wait_until(backend.delete_target)
    assert backend._azure().look() is None
    assert backend.delete_target()


def test_a_cluster_that_azure_does_not_know_is_told(make: Any) -> None:
    with pytest.raises(BackendError, match=r"Azure knows nothing of the cluster 'nowhere' in resource group '\w+'"):
        make("nowhere").check()


def test_a_stranger_s_cluster_is_neither_taken_nor_deleted(make: Any) -> None:
    owner = make("theirs", create=CREATE, target="another")
    wait_until(owner.ensure_target)
    ours = make("theirs", create=CREATE)
    with pytest.raises(AlreadyExistsError, match="which 'cluster' did not create"):
        ours.ensure_target()
    assert ours.delete_target()
    assert owner.ensure_target()
    wait_until(owner.delete_target)


def test_a_target_without_a_cluster_to_create_says_so(make: Any) -> None:
    with pytest.raises(InvalidInputError, match="do not say what cluster to create"):
        make("stranger").target_plan()


def test_settings_of_a_cluster_are_checked_before_azure_is_asked(make: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"'create\.nodes'") as caught:
        make("prod", create={"location": "westeurope", "nodes": 3})
    assert "create.node_count" in caught.value.fix
    with pytest.raises(InvalidInputError, match=r"'create\.location'"):
        make("prod", create={})
    with pytest.raises(InvalidInputError, match="min_nodes is greater than max_nodes"):
        make("prod", create={**CREATE, "min_nodes": 9})


def test_idle_and_spot_clusters_keep_one_small_node_of_their_own(make: Any) -> None:
    plan = make("prod", create={**CREATE, "min_nodes": 0, "spot": True}).target_plan()
    system, nodes = plan["properties"]["agentPoolProfiles"]
    assert (system["mode"], system["count"], system["nodeTaints"]) == (
        "System",
        1,
        ["CriticalAddonsOnly=true:NoSchedule"],
    )
    assert (nodes["mode"], nodes["count"], nodes["minCount"], nodes["scaleSetPriority"]) == ("User", 0, 0, "Spot")


def test_runs_put_up_with_the_taint_of_spot_nodes(make: Any) -> None:
    backend = make("prod", create={**CREATE, "spot": True})
    spec = JobSpec(workspace="team", run_id="0" * 32, attempt=1, bundle={})
    pod = backend.plan(spec, "aml-1").request["job"]["spec"]["template"]["spec"]
    assert [toleration["key"] for toleration in pod["tolerations"]] == ["kubernetes.azure.com/scalesetpriority"]


def test_a_spot_cluster_is_what_azure_s_specification_allows(make: Any) -> None:
    backend = make("idle", create={**CREATE, "min_nodes": 0, "spot": True})
    wait_until(backend.ensure_target)
    wait_until(backend.delete_target)


def test_the_request_in_full() -> None:
    wanted = AksCreation.model_validate({**CREATE, "tags": {"team": "a"}})
    assert cluster_body("prod", wanted, {"aml-target": "k"}) == {
        "location": "westeurope",
        "identity": {"type": "SystemAssigned"},
        "tags": {"team": "a", "aml-target": "k"},
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


@pytest.mark.parametrize("kind", ["throttle", "busy"])
@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("GET", AksBackend.ensure_target),
        ("PUT", AksBackend.ensure_target),
        ("DELETE", AksBackend.delete_target),
        ("POST", lambda backend: backend._azure().kubeconfig()),
    ],
)
def test_every_call_respects_throttling(azure: AzureEmulator, make: Any, kind: str, verb: str, call: Any) -> None:
    backend = make("busy", create=CREATE)
    if verb in {"DELETE", "POST"}:
        wait_until(backend.ensure_target)
    azure.faults.add(kind, verb=verb, path="/managedClusters/busy", seconds=17)
    with pytest.raises(TransientBackendError) as raised:
        call(backend)
    assert raised.value.retry_after == 17
    wait_until(backend.delete_target)


def test_a_cluster_is_a_compute_target_made_with_one_call(make: Any, aml_home: Path) -> None:
    attached = make("flat").target.config.model_dump(include={"resource_id", "endpoint", "authority"})
    workspace = Workspace.create("team-a")
    with pytest.raises(InvalidInputError, match=r"'create\.max_node' .*Did you mean"):
        workspace.create_compute("aks", "k", **attached, location="westeurope", max_node=3)
    made = workspace.create_compute("aks", "k", **attached, location="westeurope", max_nodes=3)
    made.wait_for_completion()
    assert workspace.compute_targets["k"].config["create"] == {"location": "westeurope", "max_nodes": 3}
    workspace.delete_compute("k", wait=True)
