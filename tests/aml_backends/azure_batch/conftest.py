from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.azure import add_pool, blob_datastore, delete_pool, make_target

from aml_backends.azure_batch.backend import AzureBatchBackend
from aml_plugins.compute import ComputeTarget
from aml_plugins.testing.jobs import clean_up


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


@pytest.fixture
def key() -> str:
    return f"aml-{uuid.uuid4().hex}-1"


@pytest.fixture
def make_backend(azure_target: Callable[..., ComputeTarget]) -> Iterator[Callable[..., AzureBatchBackend]]:
    """Make backends, each on a pool of its own; nothing of their jobs is left."""
    made: list[AzureBatchBackend] = []

    def make(**config: object) -> AzureBatchBackend:
        made.append(AzureBatchBackend(azure_target(**config)))
        return made[-1]

    yield make
    for backend in made:
        for handle in backend.list_jobs():
            clean_up(backend, handle)
        backend.close()
