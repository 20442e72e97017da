"""A client that nobody here wrote: Microsoft's command line for Azure, in a cloud that it was told about."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from services.azure_cli import INSTALL, AzureCli, find_azure_cli, running_azure_cli
from services.docker_engine import DockerEngine
from services.requirements import require_service

from aml_plugins.testing.azure_emulator import AzureEmulator, Settings
from aml_plugins.testing.jobs import wait_until

KNOWN = (
    "POST /pools: request: body/targetDedicatedNodes: '2' is not of type 'integer'",
    "'configMap' is not in the specification",  # nor is the version that the command asks for
    "'bootstrapProfile' is not in the specification",  # likewise
)
"""What the command sends, and is sent back, that the emulator's specifications do not have."""


@pytest.fixture(scope="module")
def azure() -> Iterator[AzureEmulator]:
    with AzureEmulator(Settings(validate=True)) as emulator:
        yield emulator
        assert [one for one in emulator.violations if not any(known in one for known in KNOWN)] == []


@pytest.fixture(scope="module")
def az(azure: AzureEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCli]:
    command = find_azure_cli()
    require_service("Azure's command line", command, INSTALL)
    assert command is not None
    with running_azure_cli(command, azure, tmp_path_factory.mktemp("azure-cli")) as az:
        yield az


@pytest.fixture
def name() -> str:
    return f"n-{uuid.uuid4().hex[:8]}"


def test_it_is_logged_in(az: AzureCli, azure: AzureEmulator) -> None:
    account = az("account", "show")
    assert (account["id"], account["state"]) == (azure.settings.subscription, "Enabled")
    assert az("group", "create", "--name", "team", "--location", "westus")["name"] == "team"


def test_batch_from_the_pool_to_the_output_of_a_task_on_two_nodes(az: AzureCli, name: str, tmp_path: Path) -> None:
    az("batch", "pool", "create", "--id", name, "--vm-size", "standard_d2s_v3", "--target-dedicated-nodes", "2",
       "--image", "canonical:0001-com-ubuntu-server-jammy:22_04-lts",
       "--node-agent-sku-id", "batch.node.ubuntu 22.04", "--enable-inter-node-communication")  # fmt: skip
    az("batch", "job", "create", "--id", name, "--pool-id", name)
    settings = {"numberOfInstances": 2, "coordinationCommandLine": "/bin/sh -c 'echo coordinated'"}
    task = {"id": "t", "commandLine": "/bin/sh -c 'echo $AZ_BATCH_HOST_LIST'", "multiInstanceSettings": settings}
    (tmp_path / "task.json").write_text(json.dumps(task))
    az("batch", "task", "create", "--job-id", name, "--json-file", str(tmp_path / "task.json"))
    wait_until(lambda: az("batch", "task", "show", "--job-id", name, "--task-id", "t")["state"] == "completed")
    shown = az("batch", "task", "show", "--job-id", name, "--task-id", "t")
    assert shown["executionInfo"]["exitCode"] == 0
    subtasks = az("batch", "task", "subtask", "list", "--job-id", name, "--task-id", "t")
    assert [(one["id"], one["state"]) for one in subtasks] == [(1, "completed")]
    az("batch", "task", "file", "download", "--job-id", name, "--task-id", "t", "--file-path", "stdout.txt",
       "--destination", str(tmp_path / "out.txt"))  # fmt: skip
    assert "coordinated" in (tmp_path / "out.txt").read_text()
    code, _, err = az.try_to("batch", "task", "show", "--job-id", name, "--task-id", "u")
    assert code != 0
    assert "TaskNotFound" in err or "does not exist" in err
    az("batch", "job", "delete", "--job-id", name, "--yes")
    az("batch", "pool", "delete", "--pool-id", name, "--yes")


def test_a_container_group_runs_and_shows_its_log(az: AzureCli, name: str, emulators_engine: DockerEngine) -> None:
    az("container", "create", "--resource-group", "team", "--name", name, "--image", emulators_engine.image,
       "--os-type", "Linux", "--cpu", "1", "--memory", "0.5", "--restart-policy", "Never", "--location", "westus",
       "--command-line", "/opt/python/bin/python3 -c \"print('hello')\"", "--no-wait")  # fmt: skip
    wait_until(lambda: _container_state(az, name) == "Terminated")
    code, out, _ = az.try_to("container", "logs", "--resource-group", "team", "--name", name)
    assert (code, out.strip()) == (0, "hello")
    az("container", "delete", "--resource-group", "team", "--name", name, "--yes")


def _container_state(az: AzureCli, name: str) -> object:
    shown = az("container", "show", "--resource-group", "team", "--name", name)
    return ((shown["containers"][0]["instanceView"] or {}).get("currentState") or {}).get("state")


def test_a_kubernetes_cluster_comes_and_goes(az: AzureCli, name: str, tmp_path: Path) -> None:
    place = "--resource-group", "team", "--name", name
    az("aks", "create", *place, "--node-count", "1", "--no-ssh-key", "--location", "westus", "--no-wait")
    wait_until(lambda: az("aks", "show", *place)["provisioningState"] == "Succeeded")
    az("aks", "get-credentials", *place, "--file", str(tmp_path / "config"))
    assert (tmp_path / "config").is_file()
    az("aks", "delete", *place, "--yes", "--no-wait")
    wait_until(lambda: name not in [cluster["name"] for cluster in az("aks", "list")])
