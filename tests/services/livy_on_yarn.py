"""Livy as an HDInsight cluster has it: before YARN, with drivers on the cluster, known again after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.azurite import Azurite
from services.cluster_storage import find_driver, host_of, write_hosts
from services.livy import LivyServer, find_livy, running_livy
from services.yarn import Yarn, java_home, running_yarn

__all__ = ["SparkCluster", "running_cluster"]

_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@dataclass(frozen=True)
class SparkCluster:
    """A running cluster, whose file system is a container of Azurite's.

    :param storage: address of the container, as Spark names it.
    """

    livy: LivyServer
    yarn: Yarn
    storage: str


@contextmanager
def running_cluster(jars: Path, azurite: Azurite, directory: Path) -> Iterator[SparkCluster]:
    """Start YARN and Livy below ``directory``; stop both and all that they started.

    :param jars: YARN's.
    """
    programs, driver = find_livy(), find_driver()
    assert programs is not None
    storage = f"wasb://{azurite.create_container()}@{host_of(azurite)}"
    core = {"fs.defaultFS": storage, f"fs.azure.account.key.{host_of(azurite)}": azurite.key}
    java = [*_QUICK, write_hosts(directory, azurite)]
    (directory / "recovery").mkdir()
    settings = {
        "livy.spark.master": "yarn",
        "livy.spark.deploy-mode": "cluster",
        "livy.server.yarn.poll-interval": "1s",
        "livy.server.recovery.mode": "recovery",
        "livy.server.recovery.state-store": "filesystem",
        "livy.server.recovery.state-store.url": f"file://{directory}/recovery",
    }
    with running_yarn(jars, directory, core, java) as yarn:
        variables = {
            "HADOOP_CONF_DIR": str(yarn.conf),
            "JAVA_HOME": java_home(),
            "SPARK_DIST_CLASSPATH": f"{driver}/*",
            "SPARK_SUBMIT_OPTS": " ".join(java),
        }
        with running_livy(programs, directory / "livy", settings, variables) as livy:
            livy.set_defaults(_defaults(programs[1], f"{driver}/*", " ".join(java)))
            yield SparkCluster(livy, yarn, storage)


def _defaults(spark: Path, driver: str, java: str) -> dict[str, str]:
    python = str(spark.parents[3] / "bin" / "python")
    return {
        "spark.yarn.jars": f"local:{spark}/jars/*",  # each run would bring 300 MB of them
        "spark.yarn.appMasterEnv.PYSPARK_PYTHON": python,
        "spark.pyspark.python": python,
        "spark.yarn.submit.waitAppCompletion": "false",
        "spark.executor.memory": "512m",
        **{f"spark.{part}.extraClassPath": driver for part in ("driver", "executor")},
        **{f"spark.{part}.extraJavaOptions": java for part in ("driver", "executor")},
    }
