from __future__ import annotations

import pytest

from aml_backends.spark.backend import SparkBackend
from aml_plugins.testing import ComputeBackendContract


class TestSparkBackend(ComputeBackendContract):
    """Every obligation, on a real Spark."""

    factory_module = "aml_backends.spark.backend"

    @pytest.fixture
    def backend(self, backend: SparkBackend) -> SparkBackend:
        return backend
