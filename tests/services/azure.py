"""The Azure emulator and a blob container, and targets on them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aml_backends.azure.storage.blob import BlobConfig, BlobDatastore
from aml_plugins.compute import ComputeBackend, ComputeTarget
from aml_plugins.testing.azure_emulator import AzureEmulator

__all__ = ["add_pool", "batch_client", "blob_datastore", "delete_pool", "identity", "make_target"]

POOL = {
    "vmSize": "standard_d2s_v3",
    "virtualMachineConfiguration": {
        "imageReference": {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2204"},
        "nodeAgentSKUId": "batch.node.ubuntu 22.04",
    },
}


def blob_datastore(azurite: Any, *, prefix: str = "") -> BlobDatastore:
    """Return a datastore on a container of its own."""
    config = BlobConfig(
        container=azurite.create_container(), account_url=azurite.url, account_key="secret://env/KEY", prefix=prefix
    )
    datastore = BlobDatastore("blobs", config)
    datastore.secrets = lambda _reference: azurite.key
    return datastore


def make_target(
    backend_type: type[ComputeBackend], home: Path, datastore: BlobDatastore, key: str, **config: Any
) -> ComputeTarget:
    """Return a target whose one secret is ``key`` and whose one datastore is ``datastore``."""
    open_datastore: Callable[[str], BlobDatastore] = lambda _name: datastore  # noqa: E731  typed
    return ComputeTarget(
        workspace="default",
        name="cloud",
        type=backend_type.type_name,
        config=backend_type.config_model.model_validate(config),
        home=home,
        secrets=lambda _reference: key,
        open_datastore=open_datastore,
    )


def identity(emulator: AzureEmulator) -> dict[str, str]:
    """Return the variables of somebody whom Azure knows, who trusts its certificate."""
    return {
        "AZURE_TENANT_ID": emulator.settings.tenant,
        "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000009",
        "AZURE_CLIENT_SECRET": "not a secret",
        "REQUESTS_CA_BUNDLE": str(emulator.certificate),
    }


def batch_client(emulator: AzureEmulator) -> Any:
    """Return Microsoft's client of the emulator's account."""
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential

    settings = emulator.settings
    return BatchClient(emulator.batch_url, AzureNamedKeyCredential(settings.account, settings.key), retry_total=0)


def add_pool(emulator: AzureEmulator, name: str, *, nodes: int = 2, **more: Any) -> None:
    """Create a pool as the owner of the account would."""
    with batch_client(emulator) as client:
        client.create_pool({**POOL, "id": name, "targetDedicatedNodes": nodes, **more})


def delete_pool(emulator: AzureEmulator, name: str) -> None:
    """Delete a pool, if it is there."""
    from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
    from azure.core.rest import HttpRequest

    with batch_client(emulator) as client, suppress(ResourceNotFoundError, ResourceExistsError):
        client.send_request(HttpRequest("DELETE", f"/pools/{name}?api-version=2025-06-01"))
