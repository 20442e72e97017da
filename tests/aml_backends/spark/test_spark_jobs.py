"""Spark's own part: the session, files for the workers, a master, and Spark's absence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aml_backends.spark.backend import SparkBackend
from aml_plugins.compute import JobHandle, JobState
from aml_plugins.errors import BackendError, InvalidInputError
from aml_plugins.testing.jobs import make_job, wait_until_ended

MakeBackend = Callable[..., SparkBackend]
KEY = "aml-0123456789abcdef0123456789abcdef-1"
COUNTING = """
import helper
from pyspark import SparkFiles
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.range(1000).count(), helper.WORD, open(SparkFiles.get("words.txt")).read())
print(spark.conf.get("spark.sql.shuffle.partitions"), spark.sparkContext.appName, spark.sparkContext.master)
print(sorted(spark.sparkContext.parallelize(range(4), 2).map(lambda n: __import__("helper").twice(n)).collect()))
"""
FILES = {"helper.py": b"WORD = 'helped'\ndef twice(n): return 2 * n\n", "data/words.txt": b"of mine"}
SPARK = {
    "conf": {"spark.sql.shuffle.partitions": "3"},
    "py_files": ["helper.py"],
    "files": ["data/words.txt"],
    "name": "count words",
}


def test_the_script_is_the_spark_driver(backend: SparkBackend, tmp_path: Path) -> None:
    handle = backend.submit(replace(make_job(tmp_path, KEY, COUNTING, files=FILES), spark=SPARK), KEY)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED, log_of(backend, handle, tmp_path)
    log = log_of(backend, handle, tmp_path)
    assert "1000 helped of mine" in log
    assert "3 count words local[2]" in log
    assert "[0, 2, 4, 6]" in log


def test_the_command_in_full(make_backend: MakeBackend, spark_home: Path, tmp_path: Path) -> None:
    backend = make_backend(
        master="spark://boss:7077", python="/usr/bin/python3", conf={"spark.eventLog.enabled": "true"}
    )
    spark = {**SPARK, "executor_memory": "2g", "num_executors": 3, "packages": ["a:b:1"], "jars": ["hdfs://x/y.jar"]}
    directory = tmp_path / "home" / "jobs" / KEY
    command = backend.plan(replace(make_job(tmp_path, KEY, ""), spark=spark), KEY).request["command"]
    assert isinstance(command, list)
    assert command[:5] == [
        str(spark_home / "bin/spark-submit"),
        "--master",
        "spark://boss:7077",
        "--name",
        "count words",
    ]
    assert command[5:-3] == [
        *("--conf", "spark.eventLog.enabled=true"),
        *("--conf", "spark.pyspark.driver.python=/usr/bin/python3"),
        *("--conf", "spark.pyspark.python=/usr/bin/python3"),
        *("--conf", "spark.sql.shuffle.partitions=3"),
        *("--executor-memory", "2g", "--num-executors", "3", "--packages", "a:b:1"),
        *("--py-files", str(directory / "spark-files/helper.py")),
        *("--jars", "hdfs://x/y.jar"),
        *("--files", str(directory / "spark-files/data/words.txt")),
    ]


def test_workers_run_the_python_of_the_environment(backend: SparkBackend, tmp_path: Path) -> None:
    script = """
import sys
from pyspark.sql import SparkSession
context = SparkSession.builder.getOrCreate().sparkContext
there = set(context.parallelize(range(2), 2).map(lambda _: __import__("sys").executable).collect())
print("same" if there == {sys.executable} else (sys.executable, there))
"""
    handle = backend.submit(make_job(tmp_path, KEY, script), KEY)
    wait_until_ended(backend, handle)
    assert "same" in log_of(backend, handle, tmp_path)


def test_a_script_that_fails_fails_the_job(backend: SparkBackend, tmp_path: Path) -> None:
    script = "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate(); raise SystemExit(3)"
    status = wait_until_ended(backend, backend.submit(make_job(tmp_path, KEY, script), KEY))
    assert (status.state, status.exit_code) == (JobState.FAILED, 3)


def test_without_spark_nothing_is_left(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = make_backend(spark_home="/nowhere")
    with pytest.raises(BackendError, match="There is no Spark for compute target 'here'") as caught:
        backend.plan(make_job(tmp_path, KEY, ""), KEY)
    assert "spark_home" in caught.value.fix
    assert backend.find(KEY) is None


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"master": "everywhere"}, "must be such as local"),
        ({"conf": "no json"}, "conf"),
    ],
)
def test_wrong_settings(make_backend: MakeBackend, settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        make_backend(**settings)


@pytest.mark.parametrize(
    ("spark", "sentence"),
    [
        ({"deploy_mode": "cluster"}, "runs drivers on this machine"),
        ({"files": ["../x"]}, "lies outside of the source directory"),
    ],
)
def test_what_it_cannot_run(backend: SparkBackend, tmp_path: Path, spark: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        backend.plan(replace(make_job(tmp_path, KEY, ""), spark=spark), KEY)


def log_of(backend: SparkBackend, handle: JobHandle, tmp_path: Path) -> str:
    results = tmp_path / f"results-{time.monotonic_ns()}"
    results.mkdir()
    backend.fetch(handle, results)
    return (results / "logs" / "std_log.txt").read_text()


def test_a_spark_that_does_not_start_the_script_says_why(backend: SparkBackend, tmp_path: Path) -> None:
    spec = replace(make_job(tmp_path, KEY, ""), spark={"driver_memory": "1 lot"})
    handle = backend.submit(spec, KEY)
    ended = wait_until_ended(backend, handle)
    assert ended.state is JobState.FAILED
    assert str(ended.reason).startswith("Spark did not start the script. It said: ")
    assert "1 lot" in str(ended.reason)
    (tmp_path / "results").mkdir()
    backend.fetch(handle, tmp_path / "results")
    assert "1 lot" in (tmp_path / "results" / "logs" / "spark.txt").read_text()
