"""A run on Azure Batch and on ACI against Microsoft's SDKs alone; the emulator runs tasks and containers for real."""

from __future__ import annotations

import os
import shlex
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from printed import SCRIPT, Contender, default_datastore, ours, printed, until
from services.azure import add_pool, batch_client
from services.azurite import Azurite, find_program, running_azurite
from services.docker_engine import DockerEngine, find_engine, running_engine

from aml_plugins import Workspace
from aml_plugins.testing.azure_emulator import AzureEmulator

__all__ = ["aci_contenders", "batch_contenders"]

GROUP = "benchmark"


@contextmanager
def batch_contenders(scratch: Path) -> Iterator[dict[str, Contender]]:
    with AzureEmulator() as azure, running_azurite(_azurite()) as azurite, batch_client(azure) as client:
        add_pool(azure, "benchmark", nodes=1)
        client.create_job({"id": "bare", "poolInfo": {"poolId": "benchmark"}})
        os.environ["BATCH_KEY"] = azure.settings.key
        workspace = _workspace("batch", azurite)
        workspace.attach_compute(
            "azure-batch",
            "cloud",
            account_url=azure.batch_url,
            account_name=azure.settings.account,
            account_key="secret://env/BATCH_KEY",
            pool="benchmark",
        )
        yield {
            "azure-batch SDK alone: a task, its log": printed(lambda: _bare_task(client)),
            "AML Plugins, the whole run": ours(workspace, "cloud", scratch),
        }
        workspace.close()


def _bare_task(client: Any) -> str:
    name = uuid.uuid4().hex
    client.create_task("bare", {"id": name, "commandLine": shlex.join(["python3", "-c", SCRIPT])})
    until(lambda: str(client.get_task("bare", name).state.value) == "completed")
    log = b"".join(client.download_task_file("bare", name, "stdout.txt")).decode()
    client.delete_task("bare", name)
    return log


@contextmanager
def aci_contenders(scratch: Path) -> Iterator[dict[str, Contender]]:
    with (
        running_engine(find_engine() or "") as engine,
        _trusted_azure(engine) as azure,
        running_azurite(_azurite()) as azurite,
    ):
        workspace = _workspace("aci", azurite)
        workspace.attach_compute(
            "aci",
            "cloud",
            subscription=azure.settings.subscription,
            resource_group=GROUP,
            endpoint=azure.https_url,
            authority=azure.https_url,
            image=engine.image,
            memory_gb=0.5,
        )
        yield {
            "azure-mgmt-containerinstance alone": printed(lambda: _bare_group(azure, engine.image)),
            "AML Plugins, the whole run": ours(workspace, "cloud", scratch),
        }
        workspace.close()


def _bare_group(azure: AzureEmulator, image: str) -> str:
    from azure.mgmt.containerinstance import ContainerInstanceManagementClient

    from aml_backends.azure.resources import client_options

    name = f"bare-{uuid.uuid4().hex[:12]}"
    container = {
        "name": "run",
        "properties": {
            "image": image,
            "command": ["python3", "-c", SCRIPT],
            "resources": {"requests": {"cpu": 1.0, "memoryInGB": 0.5}},
        },
    }
    properties = {"osType": "Linux", "restartPolicy": "Never", "containers": [container]}
    options = client_options(azure.https_url, azure.https_url)
    with ContainerInstanceManagementClient(subscription_id=azure.settings.subscription, **options) as client:
        group: Any = {"location": "westeurope", "properties": properties}
        client.container_groups.begin_create_or_update(GROUP, name, group, polling=False)

        def ended() -> bool:
            seen = client.container_groups.get(GROUP, name)
            view = seen.containers[0].instance_view
            return bool(view and view.current_state and view.current_state.state == "Terminated")

        until(ended)
        log = str(client.containers.list_logs(GROUP, name, "run").content)
        client.container_groups.begin_delete(GROUP, name, polling=False)
    return log


@contextmanager
def _trusted_azure(engine: DockerEngine) -> Iterator[AzureEmulator]:
    os.environ["DOCKER_HOST"] = engine.address  # the emulator asks the command ``docker``
    with AzureEmulator() as azure:
        os.environ |= {
            "AZURE_TENANT_ID": azure.settings.tenant,
            "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000009",
            "AZURE_CLIENT_SECRET": "not a secret",
            "REQUESTS_CA_BUNDLE": str(azure.certificate),
        }
        yield azure
    del os.environ["DOCKER_HOST"], os.environ["REQUESTS_CA_BUNDLE"]


def _workspace(name: str, azurite: Azurite) -> Workspace:
    os.environ["STORAGE_KEY"] = azurite.key
    workspace = Workspace.create(name)
    default_datastore(
        workspace,
        account_url=azurite.url,
        container=azurite.create_container(),
        account_key="secret://env/STORAGE_KEY",
    )
    return workspace


def _azurite() -> Path:
    program = find_program()
    assert program is not None, "Azurite is missing. Run: tools/azurite install"
    return program
