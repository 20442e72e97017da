from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.azure import add_pool, blob_datastore, delete_pool, make_target

from aml_backends.azure_batch.backend import AzureBatchBackend
from aml_plugins.compute import ComputeTarget


@pytest.fixture
def azure_target(azure, azurite, tmp_path) -> Iterator[Callable[..., ComputeTarget]]:
    """Make targets on a pool of two nodes of their own."""

    made = []

    def make(*, prefix: str = "", home: Path = tmp_path, nodes: int = 2, **config: object) -> ComputeTarget:
        pool = str(config.pop("pool", f"pool-{uuid.uuid4().hex[:8]}"))
        if nodes and "vm_size" not in config:
            add_pool(azure, pool, nodes=nodes, enableInterNodeCommunication=bool(config.get("multi_node")))
        made.append(pool)
        settings = {
            "account_url": azure.batch_url,
            "account_name": azure.settings.account,
            "account_key": "secret://env/KEY",
            "pool": pool,
            **config,
        }
        datastore = blob_datastore(azurite, prefix=prefix)
        return make_target(AzureBatchBackend, home, datastore, azure.settings.key, **settings)

    yield make
    for pool in made:
        delete_pool(azure, pool)


@pytest.fixture
def batch(azure_target) -> Iterator[AzureBatchBackend]:
    backend = AzureBatchBackend(azure_target())
    yield backend
    backend.close()
