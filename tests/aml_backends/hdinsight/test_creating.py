"""A cluster that the target creates on Azure and deletes; Azure is the emulator, which checks every request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aml_backends.hdinsight.backend import HDInsightBackend
from aml_plugins import Workspace
from aml_plugins.compute import ComputeTarget
from aml_plugins.compute.targets import validate_config
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, TransientBackendError
from aml_plugins.testing.azure_emulator import AzureEmulator, Settings
from aml_plugins.testing.jobs import wait_until

CREATE = {"location": "westeurope", "min_nodes": 1, "max_nodes": 4, "ssh_public_key": "ssh-ed25519 AAAA me"}
SECRETS = {"secret://env/PASSWORD": "gateway hunter2", "secret://env/KEY": "storage hunter2"}


@pytest.fixture(scope="module")
def azure() -> Iterator[AzureEmulator]:
    with AzureEmulator(Settings(validate=True)) as emulator:
        yield emulator
        assert list(emulator.violations) == [], "\n".join(emulator.violations)


@pytest.fixture
def settings(azure: AzureEmulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("AZURE_TENANT_ID", azure.settings.tenant)
    monkeypatch.setenv("AZURE_CLIENT_ID", "00000000-0000-0000-0000-000000000009")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not a secret")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.certificate))
    monkeypatch.setenv("PASSWORD", "gateway hunter2")
    monkeypatch.setenv("KEY", "storage hunter2")
    clusters = (
        f"/subscriptions/{azure.settings.subscription}/resourceGroups/team/providers/Microsoft.HDInsight/clusters"
    )
    return {
        "resource_id": f"{clusters}/spark",
        "endpoint": azure.https_url,
        "authority": azure.https_url,
        "staging": "abfs://jobs@account.dfs.core.windows.net/aml",
        "storage_options": {"account_key": "secret://env/KEY"},
        "password": "secret://env/PASSWORD",
    }


def make(settings: dict[str, Any], target: str = "cluster", **changes: Any) -> HDInsightBackend:
    config = validate_config(HDInsightBackend, "hdinsight", {**settings, **changes})
    return HDInsightBackend(
        ComputeTarget(
            workspace="default", name=target, type="hdinsight", config=config, home=None, secrets=SECRETS.__getitem__
        )  # type: ignore[arg-type]
    )


def test_the_request_in_full_without_its_secrets(settings: dict[str, Any]) -> None:
    plan = make(settings, create=CREATE).target_plan()
    login = {"username": "sshuser", "sshProfile": {"publicKeys": [{"certificateData": "ssh-ed25519 AAAA me"}]}}
    properties = plan["properties"]
    assert plan["tags"] == {"aml-workspace": "default", "aml-target": "cluster"}
    assert properties["clusterDefinition"] == {
        "kind": "Spark",
        "configurations": {
            "gateway": {
                "restAuthCredential.isEnabled": True,
                "restAuthCredential.username": "admin",
                "restAuthCredential.password": "***",
            }
        },
    }
    assert [(role["name"], role["targetInstanceCount"]) for role in properties["computeProfile"]["roles"]] == [
        ("headnode", 2),
        ("workernode", 1),
        ("zookeepernode", 3),
    ]
    assert properties["computeProfile"]["roles"][1]["autoscale"] == {
        "capacity": {"minInstanceCount": 1, "maxInstanceCount": 4}
    }
    assert properties["computeProfile"]["roles"][0]["osProfile"] == {"linuxOperatingSystemProfile": login}
    assert properties["storageProfile"]["storageaccounts"] == [
        {"name": "account.dfs.core.windows.net", "isDefault": True, "fileSystem": "jobs", "key": "***"}
    ]


def test_the_secrets_go_to_azure_and_nowhere_else(settings: dict[str, Any]) -> None:
    backend = make(settings, create=CREATE)
    sent = str(backend._cluster.whole_request())
    assert "gateway hunter2" in sent
    assert "storage hunter2" in sent
    assert "hunter2" not in repr(backend.target) + str(backend.target_plan())


def test_livy_is_found_by_the_cluster_s_name(settings: dict[str, Any]) -> None:
    assert make(settings).target.config.livy == "https://spark.azurehdinsight.net/livy"
    assert make(settings, url="https://gateway.example/livy/").target.config.livy == "https://gateway.example/livy"
    with pytest.raises(InvalidInputError, match="give the url of Livy, or the resource_id"):
        make({**settings, "resource_id": None})


def test_a_cluster_is_created_and_deleted_as_a_task(aml_home: Any, settings: dict[str, Any]) -> None:
    workspace = Workspace.create("team-a")
    made = workspace.create_compute("hdinsight", "spark", **settings, **CREATE)
    made.wait_for_completion()
    assert (made.state, made.task.state) == ("Ready", "Completed")
    assert workspace.compute_targets["spark"].config["create"]["max_nodes"] == 4
    gone = workspace.delete_compute("spark")
    gone.wait_for_completion()
    assert (gone.state, gone.task.state) == ("Deleted", "Completed")
    assert "hunter2" not in "".join(path.read_text("latin-1") for path in aml_home.iterdir() if path.is_file())


def test_a_stranger_s_cluster_is_neither_taken_nor_deleted(settings: dict[str, Any]) -> None:
    owner, ours = make(settings, target="another", create=CREATE), make(settings, create=CREATE)
    assert not owner.ensure_target()
    wait_until(owner.ensure_target)
    with pytest.raises(AlreadyExistsError, match="which 'cluster' did not create"):
        ours.ensure_target()
    assert ours.delete_target()
    assert owner.ensure_target()
    wait_until(owner.delete_target)
    assert owner.delete_target()


@pytest.mark.parametrize("kind", ["throttle", "busy"])
@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_every_call_respects_throttling(azure: AzureEmulator, settings: dict[str, Any], kind: str, verb: str) -> None:
    backend = make({**settings, "resource_id": f"{settings['resource_id']}-busy"}, create=CREATE)
    if verb == "DELETE":
        wait_until(backend.ensure_target)
    azure.faults.add(kind, verb=verb, path="/clusters/spark-busy", seconds=17)
    with pytest.raises(TransientBackendError) as raised:
        backend.delete_target() if verb == "DELETE" else backend.ensure_target()
    assert raised.value.retry_after == 17
    wait_until(backend.delete_target)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "do not say what cluster to create"),
        ({"create": {"location": "westeurope"}}, "give one of ssh_public_key and ssh_password"),
        ({"create": {**CREATE, "workers": 3}}, "'create.workers'"),
        ({"create": CREATE, "staging": "file:///tmp/jobs"}, "needs a storage account"),
        ({"create": CREATE, "password": None}, "a password for its gateway"),
        ({"resource_id": "/subscriptions/x"}, "must be /subscriptions/ID/resourceGroups"),
    ],
)
def test_mistakes_are_told_before_azure_is_asked(settings: dict[str, Any], changes: Any, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        make(settings, **changes).target_plan()
