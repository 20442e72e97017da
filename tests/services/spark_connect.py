"""A real Spark with its Connect server on this machine, gone at the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from services.starting import wait_until_started

__all__ = ["INSTALL", "SparkConnectServer", "find_spark", "running_spark_connect"]

_TOOLS = Path(__file__).parents[2] / "tools"
_ENVIRONMENT = dict(os.environ)  # a test may have another home
INSTALL = "tools/spark-connect install"
_STARTED = re.compile(r"Spark Connect server started at: \S*:(\d+)")
_PAGES = re.compile(
    r"Bound SparkUI to \S+, and started at http://\S+:(\d+)|Successfully started service 'SparkUI' on port (\d+)"
)
_SETTINGS = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",
    # So that nothing but an interruption ends what a client left: by itself, Spark would after five minutes.
    "spark.connect.execute.manager.detachedTimeout": "6h",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "512m",
    "spark.ui.port": "0",
}


@dataclass(frozen=True)
class SparkConnectServer:
    """A running server that wants a token.

    :param python: has the client.
    :param pages: address of Spark's own pages and their REST API.
    """

    address: str
    token: str
    python: Path
    pages: str

    def running(self) -> int:
        """Return how many Spark jobs it works on now."""
        with urllib.request.urlopen(f"{self.pages}/api/v1/applications", timeout=60) as answer:
            application = json.load(answer)[0]["id"]
        url = f"{self.pages}/api/v1/applications/{application}/jobs?status=running"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return len(json.load(answer))


def find_spark(tool: str = "spark-connect") -> Path | None:
    """Return SPARK_HOME, None where it is not installed.

    :param tool: which Spark: that of ``tools/spark``, or that of ``tools/spark-connect``.
    """
    done = subprocess.run([_TOOLS / tool, "find"], env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


@contextmanager
def running_spark_connect(home: Path, directory: Path) -> Iterator[SparkConnectServer]:
    """Start a server that keeps its files below ``directory``; stop it and all that it started."""
    token, python = os.urandom(12).hex(), home.parents[3] / "bin" / "python"
    command = [str(home / "bin" / "spark-submit"), "--master", "local[2]"]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    for name, value in _SETTINGS.items():
        command += ["--conf", f"{name}={value}"]
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "spark-internal"],
            cwd=directory,
            env=_environment(home, python, token),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        port, pages = _ports(process, directory / "server.log")
        # By this name clients may send a token without TLS.
        yield SparkConnectServer(f"sc://localhost:{port}", token, python, f"http://127.0.0.1:{pages}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(home: Path, python: Path, token: str) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "LANG") if name in os.environ},
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
        "PYSPARK_PYTHON": str(python),
    }


def _ports(process: subprocess.Popen[bytes], log: Path) -> tuple[str, str]:
    def told() -> tuple[str, str] | None:
        said = log.read_text(errors="replace")
        started, pages = _STARTED.search(said), _PAGES.search(said)
        return (started[1], pages[1] or pages[2]) if started and pages else None

    wait_until_started("Spark Connect", process, log, told)
    return told() or ("", "")
