from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from services.azurite import Azurite
from services.forwarding import forwarded
from services.kubernetes import IMAGE, Kubernetes

from aml_backends.aks.backend import AksBackend
from aml_plugins.compute import ComputeTarget
from aml_plugins.compute.targets import validate_config
from aml_plugins.datastores.contract import Datastore
from aml_plugins.testing.jobs import clean_up

MakeBackend = Callable[..., AksBackend]


@pytest.fixture
def datastore_settings(kubernetes: Kubernetes, azurite: Azurite) -> Iterator[dict[str, str]]:
    """Settings of a datastore in Azurite, as pods and this machine both reach it; the key is in the variable KEY."""
    with forwarded(kubernetes.address, urlsplit(azurite.url).port or 0) as port:
        yield {
            "account_url": f"http://{kubernetes.address}:{port}/{azurite.account}",
            "container": azurite.create_container(),
            "account_key": "secret://env/KEY",
        }


@pytest.fixture
def datastore(datastore_settings: dict[str, str], azurite: Azurite) -> Datastore:
    from aml_backends.azure.storage.blob import BlobConfig, BlobDatastore

    opened = BlobDatastore("blobs", BlobConfig.model_validate(datastore_settings))
    opened.secrets = lambda _reference: azurite.key
    return opened


@pytest.fixture
def make_backend(kubernetes: Kubernetes, datastore: Datastore, tmp_path: Path) -> Iterator[MakeBackend]:
    made: list[AksBackend] = []

    def make(**settings: object) -> AksBackend:
        values = {"kubeconfig": str(kubernetes.kubeconfig), "image": IMAGE, **settings}
        target = ComputeTarget(
            workspace="default",
            name="cluster",
            type="aks",
            config=validate_config(AksBackend, "aks", values),
            home=tmp_path / "home",
            open_datastore=lambda _name: datastore,
        )
        made.append(AksBackend(target))
        return made[-1]

    yield make
    for backend in made:
        for handle in list(backend.list_jobs()):
            clean_up(backend, handle)
        backend.close()


@pytest.fixture
def backend(make_backend: MakeBackend) -> AksBackend:
    return make_backend()
