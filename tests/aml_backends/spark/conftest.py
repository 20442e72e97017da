from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aml_backends.spark.backend import SparkBackend
from aml_plugins.compute import ComputeTarget
from aml_plugins.compute.targets import validate_config
from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.jobs import clean_up

MakeBackend = Callable[..., SparkBackend]
# Short jobs: starting is what they do.
_QUICK = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "512m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


@pytest.fixture
def make_backend(spark_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBackend]:
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    made: list[SparkBackend] = []

    def make(**settings: object) -> SparkBackend:
        python = spark_home.parents[3] / "bin" / "python"
        values = {"spark_home": str(spark_home), "python": str(python), "conf": _QUICK, **settings}
        config = validate_config(SparkBackend, "spark", values)
        target = ComputeTarget(workspace="default", name="here", type="spark", config=config, home=tmp_path / "home")
        made.append(SparkBackend(target))
        return made[-1]

    yield make
    for backend in made:
        handles = list(backend.list_jobs())
        for handle in handles:
            clean_up(backend, handle)
        left = [pid for handle in handles for pid in processes_of_job(handle.job_id)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, "a process of a job survived its cleanup"


@pytest.fixture
def backend(make_backend: MakeBackend) -> SparkBackend:
    return make_backend(master="local[2]")
