from __future__ import annotations

import pytest

from aml_backends.docker.backend import DockerBackend
from aml_plugins.testing import ComputeBackendContract


class TestDockerBackend(ComputeBackendContract):
    factory_module = "aml_backends.docker.backend"
    sdk_modules = ("docker", "requests")

    @pytest.fixture
    def backend(self, backend: DockerBackend) -> DockerBackend:
        return backend
