from __future__ import annotations

import pytest

from aml_backends.local.backend import LocalBackend
from aml_plugins.testing import ComputeBackendContract


class TestLocalBackend(ComputeBackendContract):
    factory_module = "aml_backends.local.backend"

    @pytest.fixture
    def backend(self, backend: LocalBackend) -> LocalBackend:
        return backend
