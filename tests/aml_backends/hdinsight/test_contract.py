from __future__ import annotations

import pytest

from aml_backends.hdinsight.backend import HDInsightBackend
from aml_plugins.testing import ComputeBackendContract

pytestmark = pytest.mark.xdist_group("livy")  # one server, for all


class TestHDInsightBackend(ComputeBackendContract):
    """Every obligation, on a real Livy and a real Spark."""

    factory_module = "aml_backends.hdinsight.backend"

    @pytest.fixture
    def backend(self, backend: HDInsightBackend) -> HDInsightBackend:
        return backend
