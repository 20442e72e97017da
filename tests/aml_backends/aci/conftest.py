from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.azure import blob_datastore, identity, make_target

from aml_backends.aci.backend import AciBackend
from aml_plugins.compute import ComputeTarget


@pytest.fixture
def azure_identity(azure) -> Iterator[None]:
    """A service principal, and trust in the emulator's certificate; not a test's own patches, which go earlier."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in identity(azure).items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def aci_target(azure, azure_identity, azurite, emulators_engine, tmp_path) -> Callable[..., ComputeTarget]:
    def make(*, prefix: str = "", home: Path = tmp_path, **config: object) -> ComputeTarget:
        settings = {
            "subscription": azure.settings.subscription,
            "resource_group": f"group-{tmp_path.name[-40:]}".lower(),
            "endpoint": azure.https_url,
            "authority": azure.https_url,
            "image": emulators_engine.image,
            "memory_gb": 0.5,
            **config,
        }
        return make_target(AciBackend, home, blob_datastore(azurite, prefix=prefix), "", **settings)

    return make


@pytest.fixture
def aci(aci_target) -> Iterator[AciBackend]:
    backend = AciBackend(aci_target())
    yield backend
    backend.close()
