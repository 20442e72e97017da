from __future__ import annotations

from collections.abc import Iterator

import pytest
from services.livy import LivyServer

from aml_backends.hdinsight.backend import HDInsightBackend
from aml_backends.hdinsight.config import HDInsightConfig
from aml_plugins.compute import ComputeTarget
from aml_plugins.testing.jobs import clean_up


def make_backend(server_url: str, staging: str, **settings: object) -> HDInsightBackend:
    config = HDInsightConfig.model_validate({"url": server_url, "staging": staging, **settings})
    return HDInsightBackend(
        ComputeTarget(workspace="default", name="cluster", type="hdinsight", config=config, home=None)  # type: ignore[arg-type]
    )


@pytest.fixture
def backend(livy: LivyServer) -> Iterator[HDInsightBackend]:
    backend = make_backend(livy.url, f"file://{livy.shared}/jobs")
    yield backend
    for handle in list(backend.list_jobs()):
        clean_up(backend, handle)
    backend.close()
