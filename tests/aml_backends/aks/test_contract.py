from __future__ import annotations

import pytest

from aml_backends.aks.backend import AksBackend
from aml_plugins.testing import ComputeBackendContract

pytestmark = pytest.mark.xdist_group("kubernetes")  # one cluster, for all


class TestAksBackend(ComputeBackendContract):
    """Every obligation, on a real Kubernetes whose pods fetch from Azurite."""

    factory_module = "aml_backends.aks.backend"

    @pytest.fixture
    def backend(self, backend: AksBackend) -> AksBackend:
        return backend
