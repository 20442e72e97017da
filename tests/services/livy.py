"""A real Apache Livy server before a real Spark, on this machine, gone at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from services.loopback import free_port
from services.starting import wait_until_started

__all__ = ["INSTALL", "LivyServer", "find_livy", "running_livy"]

_TOOLS = Path(__file__).parents[2] / "tools"
_ENVIRONMENT = dict(os.environ)  # a test may have another home
INSTALL = "tools/livy install"
_MAIN = "org.apache.livy.server.LivyServer"
_SPARK = {"spark.ui.enabled": "false", "spark.driver.memory": "512m"}
_LOGGING = """
log4j.rootCategory=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
"""


@dataclass(frozen=True)
class LivyServer:
    """A running server; jobs and their staging directories lie below ``shared``, which it may read.

    :param home: its own files: its log, what it and Spark are set to.
    """

    url: str
    shared: Path
    home: Path
    process: subprocess.Popen[bytes]

    def set_defaults(self, properties: Mapping[str, str]) -> None:
        """Set properties of Spark for batches that start from now on."""
        escaped = {name.replace(":", r"\:"): value for name, value in (_SPARK | dict(properties)).items()}
        lines = "".join(f"{name} {value}\n" for name, value in escaped.items())
        (self.home / "spark-conf" / "spark-defaults.conf").write_text(lines)


def find_livy() -> tuple[Path, Path] | None:
    """Return the directory of Livy's jars and SPARK_HOME, None where either is missing."""
    found = []
    for tool in ("livy", "spark"):
        done = subprocess.run([_TOOLS / tool, "find"], env=_ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None
        found.append(Path(done.stdout.strip()))
    return found[0], found[1]


@contextmanager
def running_livy(
    programs: tuple[Path, Path],
    directory: Path,
    settings: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[LivyServer]:
    """Start a server below ``directory``; stop it and all that it started.

    :param settings: of Livy, besides those that all have.
    :param variables: for it and for what it starts; ``HADOOP_CONF_DIR`` is on its class path.
    """
    jars, spark = programs
    variables = variables or {}
    port, shared = free_port(), directory / "shared"
    shared.mkdir(parents=True)
    _configure(directory, port, shared, settings or {})
    with (directory / "livy.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "java",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                ":".join([str(directory / "conf"), *filter(None, [variables.get("HADOOP_CONF_DIR")]), f"{jars}/*"]),
                "org.apache.livy.server.LivyServer",
            ],
            cwd=directory,
            env=_environment(directory, spark) | variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        server = LivyServer(f"http://127.0.0.1:{port}", shared, directory, process)
        server.set_defaults({})
        wait_until_started("Livy", process, directory / "livy.log", lambda: _answers(server))
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # batches are in its group, too
        process.wait()


def _configure(directory: Path, port: int, shared: Path, more: Mapping[str, str]) -> None:
    settings = {
        "livy.server.host": "127.0.0.1",
        "livy.server.port": str(port),
        "livy.server.csrf-protection.enabled": "true",
        "livy.spark.master": "local[2]",
        "livy.file.local-dir-whitelist": f"{shared}/",
        "livy.server.session.state-retain.sec": "3600",
        **more,
    }
    for name in ("conf", "logs", "spark-conf"):
        (directory / name).mkdir()
    conf = directory / "conf"
    (conf / "livy.conf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (conf / "log4j.properties").write_text(_LOGGING)


def _environment(directory: Path, spark: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "LANG") if name in os.environ},
        "LIVY_HOME": str(directory),
        "LIVY_CONF_DIR": str(directory / "conf"),
        "SPARK_HOME": str(spark),
        "SPARK_CONF_DIR": str(directory / "spark-conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # short jobs: starting is what they do
        "PYSPARK_PYTHON": str(spark.parents[3] / "bin" / "python"),
    }


def _answers(server: LivyServer) -> bool:
    with urllib.request.urlopen(f"{server.url}/batches", timeout=5):
        return True
