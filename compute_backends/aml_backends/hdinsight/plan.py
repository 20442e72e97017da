"""The batch that Livy is asked for, as a pure value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aml_backends.hdinsight.config import HDInsightConfig
from aml_plugins.compute import JobSpec, JsonObject
from aml_plugins.compute.spark_section import check_spark_files, is_address, spark_name
from aml_plugins.errors import InvalidInputError

__all__ = ["batch_request", "check_spec"]

_LISTS = {"py_files": "pyFiles", "jars": "jars", "files": "files", "archives": "archives"}
_PLAIN = {
    "driver_memory": "driverMemory",
    "driver_cores": "driverCores",
    "executor_memory": "executorMemory",
    "executor_cores": "executorCores",
    "num_executors": "numExecutors",
    "queue": "queue",
}
_JOINED = {"packages": "spark.jars.packages", "repositories": "spark.jars.repositories"}


def batch_request(spec: JobSpec, config: HDInsightConfig, key: str, directory: str, sealing_key: str) -> JsonObject:
    """Return the body of ``POST /batches``.

    :param directory: the job's staging directory, as the cluster reads it.
    :param sealing_key: opens the script's variables; a plan shows ``***``.
    """
    spark: Mapping[str, Any] = spec.spark or {}
    lists = {theirs: [_address(name, directory) for name in spark.get(ours) or ()] for ours, theirs in _LISTS.items()}
    return {
        "file": f"{directory}/agent.py",
        "args": [directory, sealing_key],
        "name": key,
        "conf": _conf(spec, key),
        **({"queue": config.queue} if config.queue else {}),
        **({"proxyUser": config.proxy_user} if config.proxy_user else {}),
        **{theirs: spark[ours] for ours, theirs in _PLAIN.items() if spark.get(ours) is not None},
        **{theirs: addresses for theirs, addresses in lists.items() if addresses},
    }


def check_spec(spec: JobSpec, target: str) -> None:
    """Refuse what no Spark cluster behind Livy can run.

    :raises InvalidInputError: with what to do instead.
    """
    spark: Mapping[str, Any] = spec.spark or {}
    if spec.node_count != 1:
        raise InvalidInputError(
            f"The compute target '{target}' starts one driver, the run asks for {spec.node_count} nodes.",
            "Leave node_count at 1, and set spark.num_executors.",
        )
    if spark.get("remote"):
        raise InvalidInputError(
            f"The compute target '{target}' starts a driver on its cluster, the run asks for Spark Connect.",
            "Take spark.remote out of the run configuration, or choose a target of type spark.",
        )
    if spec.environment.get("kind") == "docker":
        raise InvalidInputError(
            f"The compute target '{target}' runs no Docker images.",
            "Choose an environment of kind existing, pip or conda.",
        )
    if spark.get("deploy_mode") == "client":
        raise InvalidInputError(
            f"The compute target '{target}' starts drivers on the cluster, the run asks for deploy_mode 'client'.",
            "Take spark.deploy_mode out of the run configuration.",
        )
    check_spark_files(spec)


def _conf(spec: JobSpec, key: str) -> dict[str, str]:
    """A second attempt of YARN's would run the script twice; a property that the user sets wins."""
    spark: Mapping[str, Any] = spec.spark or {}
    joined = {conf: ",".join(spark[ours]) for ours, conf in _JOINED.items() if spark.get(ours)}
    return {
        "spark.yarn.maxAppAttempts": "1",
        "spark.aml.name": spark_name(spec, key),
        "spark.yarn.tags": key,
        **joined,
        **{str(name): str(value) for name, value in (spark.get("conf") or {}).items()},
    }


def _address(name: str, directory: str) -> str:
    return name if is_address(name) else f"{directory}/bundle/files/{name}"
