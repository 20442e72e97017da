"""The command that starts a Spark driver, and where Spark is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aml_backends.spark.config import SparkConfig
from aml_plugins.compute import JobSpec
from aml_plugins.compute.spark_section import FILE_LISTS, is_address, spark_name
from aml_plugins.errors import BackendError

__all__ = ["FILES", "spark_submit", "submit_command"]

FILES = "spark-files"
"""Folder of the job's directory for what Spark shall distribute."""

_DRIVER = Path(__file__).with_name("driver.py")
_OPTIONS = {
    "driver_memory": "--driver-memory",
    "driver_cores": "--driver-cores",
    "executor_memory": "--executor-memory",
    "executor_cores": "--executor-cores",
    "num_executors": "--num-executors",
    "queue": "--queue",
}
_JOINED = {"packages": "--packages", "repositories": "--repositories"}


def spark_submit(config: SparkConfig, target: str) -> Path:
    """Return the program spark-submit.

    :raises BackendError: where there is none.
    """
    home = config.spark_home or os.environ.get("SPARK_HOME")
    found = Path(home, "bin", "spark-submit") if home else Path(shutil.which("spark-submit") or "/spark-submit")
    if not os.access(found, os.X_OK):
        raise BackendError(
            f"There is no Spark for compute target '{target}': {found if home else 'spark-submit'} cannot be executed.",
            "Set the target's 'spark_home', or: pip install 'aml-plugins[spark]'",
        )
    return found


def submit_command(spec: JobSpec, config: SparkConfig, program: Path | str, directory: Path) -> list[str]:
    """Return the call of spark-submit for the job in ``directory``."""
    spark: Mapping[str, Any] = spec.spark or {}
    command = [str(program), "--master", config.master, "--name", spark_name(spec, directory.name)]
    for name, value in sorted(_conf(spark, config).items()):
        command += ["--conf", f"{name}={value}"]
    for key, option in _OPTIONS.items():
        if spark.get(key) is not None:
            command += [option, str(spark[key])]
    for key, option in _JOINED.items():
        if spark.get(key):
            command += [option, ",".join(spark[key])]
    for key in FILE_LISTS:
        if spark.get(key):
            command += [f"--{key.replace('_', '-')}", ",".join(_place(name, directory) for name in spark[key])]
    return [*command, str(_DRIVER), str(directory / "runner.pyz"), str(directory)]


def _conf(spark: Mapping[str, Any], config: SparkConfig) -> dict[str, str]:
    """The driver's program is the runner's Python; its script brings its own."""
    return {
        "spark.pyspark.python": config.python,
        "spark.pyspark.driver.python": config.python,
        **config.conf,
        **{str(name): str(value) for name, value in (spark.get("conf") or {}).items()},
    }


def _place(name: str, directory: Path) -> str:
    return name if is_address(name) else str(directory / FILES / name)
