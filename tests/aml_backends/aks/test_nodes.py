from __future__ import annotations

import pytest

from aml_backends.aks.backend import AksBackend
from aml_plugins.testing import NodesContract

pytestmark = pytest.mark.xdist_group("kubernetes")  # one cluster, for all


class TestSeveralNodes(NodesContract):
    """Pods of an indexed Job, which find each other by the names that the cluster's name server gives them."""

    patience = 300.0

    @pytest.fixture
    def backend(self, backend: AksBackend) -> AksBackend:
        return backend
