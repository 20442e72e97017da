"""What Spark adds: the driver's own session, files for executors, applications that end on their own."""

from __future__ import annotations

import os
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aml_backends.hdinsight.backend import HDInsightBackend
from aml_plugins.compute import JobHandle, JobSpec, JobState
from aml_plugins.errors import InvalidInputError
from aml_plugins.testing.jobs import is_running, make_job, wait_until, wait_until_ended

pytestmark = pytest.mark.xdist_group("livy")  # one server, for all
KEY = "aml-0123456789abcdef0123456789abcdef-1"
COUNTING = """
import helper
from pyspark import SparkFiles
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.range(1000).count(), helper.WORD, open(SparkFiles.get("words.txt")).read())
print(spark.conf.get("spark.sql.shuffle.partitions"), spark.sparkContext.appName)
print(sorted(spark.sparkContext.parallelize(range(4), 2).map(lambda n: __import__("helper").twice(n)).collect()))
"""
ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"


def test_the_script_is_the_spark_driver(backend: HDInsightBackend, tmp_path: Path) -> None:
    files = {"helper.py": b"WORD = 'helped'\ndef twice(n): return 2 * n\n", "data/words.txt": b"of mine"}
    spark = {
        "conf": {"spark.sql.shuffle.partitions": "3"},
        "py_files": ["helper.py"],
        "files": ["data/words.txt"],
        "name": "count words",
    }
    spec = make_job(tmp_path, KEY, COUNTING, files=files)
    handle = backend.submit(_with_spark(spec, spark), KEY)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED, _log(backend, handle, tmp_path)
    log = _log(backend, handle, tmp_path)
    assert "1000 helped of mine" in log
    assert "3 count words" in log
    assert "[0, 2, 4, 6]" in log


def test_a_spark_that_dies_fails_the_job_and_leaves_no_script(backend: HDInsightBackend, tmp_path: Path) -> None:
    handle = backend.submit(make_job(tmp_path, KEY, ENDLESS), KEY)
    wait_until(lambda: is_running(backend, handle))
    spark, script = _processes("agent.py"), _processes("train.py")
    assert spark
    assert script
    for pid in spark:
        os.kill(pid, signal.SIGKILL)
    status = wait_until_ended(backend, handle)
    assert status.state is not JobState.SUCCEEDED
    assert status.reason
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in script))
    assert "begun" in _log(backend, handle, tmp_path)


def test_a_job_is_run_once_even_after_livy_has_forgotten_it(backend: HDInsightBackend, tmp_path: Path) -> None:
    spec = make_job(tmp_path, KEY, "print('once', flush=True)")
    handle = backend.submit(spec, KEY)
    ended = wait_until_ended(backend, handle)
    forgotten = backend._livy.find(KEY)
    assert forgotten is not None
    backend._livy.delete(int(forgotten["id"]))
    assert backend.find(KEY) == handle
    assert backend.submit(spec, KEY) == handle
    assert backend._livy.find(KEY) is None
    assert backend.status(handle) == ended
    assert _log(backend, handle, tmp_path).count("once") == 1


def test_a_file_of_the_spark_section_that_is_not_in_the_snapshot(backend: HDInsightBackend, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"'lib/missing\.jar' of the 'spark' section is not in the source"):
        backend.submit(_with_spark(make_job(tmp_path, KEY, ENDLESS), {"jars": ["lib/missing.jar"]}), KEY)
    assert backend._livy.find(KEY) is None


def _with_spark(spec: JobSpec, spark: dict[str, Any]) -> JobSpec:
    return replace(spec, spark=spark)


def _log(backend: HDInsightBackend, handle: JobHandle, tmp_path: Path) -> str:
    results = Path(tempfile.mkdtemp(dir=tmp_path))
    backend.fetch(handle, results)
    return (results / "logs" / "std_log.txt").read_text()


def _processes(word: str) -> list[int]:
    """Return the processes of the job that have this word in their command."""
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                command = (directory / "cmdline").read_bytes()
                environment = (directory / "environ").read_bytes()
            except OSError:
                continue
            mine = KEY.encode() in environment or KEY.encode() in command
            if mine and word.encode() in command:
                found.append(int(directory.name))
    return found
