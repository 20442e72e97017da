"""Runs on a real YARN: drivers in its containers, its names of things, its history, its refusals."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from services.azurite import Azurite
from services.livy_on_yarn import SparkCluster, running_cluster
from services.requirements import require_service
from services.yarn import INSTALL, find_yarn

from aml_backends.hdinsight.backend import HDInsightBackend
from aml_backends.hdinsight.config import HDInsightConfig
from aml_plugins.compute import ComputeTarget, JobHandle, JobState
from aml_plugins.testing.jobs import clean_up, is_running, make_job, wait_until, wait_until_ended

PATIENCE = 600.0  # a container's Java, and an executor's, on a busy machine
COUNTING = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.range(1000).count(), spark.sparkContext.master, flush=True)
"""


@pytest.fixture(scope="module")
def cluster(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    jars = find_yarn()
    require_service("YARN", jars, INSTALL)
    assert jars is not None
    with running_cluster(jars, azurite, tmp_path_factory.mktemp("yarn")) as cluster:
        yield cluster


@pytest.fixture
def backend(cluster: SparkCluster, azurite: Azurite) -> Iterator[HDInsightBackend]:
    settings = {
        "url": cluster.livy.url,
        "staging": f"{cluster.storage}/jobs",
        "storage_options": {"connection_string": "secret://env/STORAGE"},
    }
    target = ComputeTarget(
        workspace="default",
        name="cluster",
        type="hdinsight",
        config=HDInsightConfig.model_validate(settings),
        home=None,  # type: ignore[arg-type]
        secrets=lambda _reference: azurite.connection_string,
    )
    made = HDInsightBackend(target)
    yield made
    for handle in list(made.list_jobs()):
        clean_up(made, handle)
    made.close()


@pytest.fixture
def key() -> str:
    return f"aml-{uuid.uuid4().hex}-1"


def test_yarn_s_history_says_how_a_run_ended(
    backend: HDInsightBackend, cluster: SparkCluster, key: str, tmp_path: Path
) -> None:
    handle = backend.submit(make_job(tmp_path, key, COUNTING), key)
    status = wait_until_ended(backend, handle, PATIENCE)
    assert status.state is JobState.SUCCEEDED, _brought(backend, handle, tmp_path)
    assert "1000 yarn" in _brought(backend, handle, tmp_path)
    clean_up(backend, handle)
    assert cluster.yarn.applications()[key][1] == "SUCCEEDED"
    assert list(backend.list_jobs()) == []


def test_an_application_that_an_administrator_kills(
    backend: HDInsightBackend, cluster: SparkCluster, key: str, tmp_path: Path
) -> None:
    handle = backend.submit(make_job(tmp_path, key, "import time; print('begun', flush=True); time.sleep(3600)"), key)
    wait_until(lambda: is_running(backend, handle), PATIENCE)
    application = cluster.yarn.applications()[key][0]
    running = backend.status(handle)
    assert running.native_state == f"running ({application})"
    assert str(running.link).endswith(f"/proxy/{application}/")
    cluster.yarn.kill(application)
    ended = wait_until_ended(backend, handle, PATIENCE)
    assert (ended.state, ended.native_state) == (JobState.CANCELLED, f"killed ({application})")
    assert "begun" in _brought(backend, handle, tmp_path)


def test_a_queue_that_yarn_does_not_have(backend: HDInsightBackend, key: str, tmp_path: Path) -> None:
    spec = replace(make_job(tmp_path, key, COUNTING), spark={"queue": "nope"})
    ended = wait_until_ended(backend, backend.submit(spec, key), PATIENCE)
    assert ended.state is JobState.FAILED
    assert "to unknown queue: nope" in str(ended.reason)


def _brought(backend: HDInsightBackend, handle: JobHandle, tmp_path: Path) -> str:
    results = tmp_path / "results"
    results.mkdir(exist_ok=True)
    backend.fetch(handle, results)
    return "".join(path.read_text() for path in (results / "logs").iterdir())
