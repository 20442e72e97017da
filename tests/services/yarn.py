"""A real YARN of one node on this machine, with Azurite as its file system, gone at the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from services.loopback import free_port
from services.starting import wait_until_started

__all__ = ["INSTALL", "Yarn", "find_yarn", "java_home", "running_yarn"]

_TOOL = Path(__file__).parents[2] / "tools" / "yarn"
_ENVIRONMENT = dict(os.environ)  # a test may have another home
INSTALL = "tools/yarn install"
_SERVERS = {"resourcemanager": "ResourceManager", "nodemanager": "NodeManager"}
_ADDRESSES = (
    *("resourcemanager.address", "resourcemanager.scheduler.address", "resourcemanager.resource-tracker.address"),
    *("resourcemanager.admin.address", "resourcemanager.webapp.address", "nodemanager.address"),
    *("nodemanager.localizer.address", "nodemanager.webapp.address", "nodemanager.collector-service.address"),
)
_SETTINGS = {
    "resourcemanager.hostname": "127.0.0.1",
    "nodemanager.hostname": "127.0.0.1",
    "nodemanager.bind-host": "127.0.0.1",
    "nodemanager.resource.memory-mb": "4096",
    "nodemanager.resource.cpu-vcores": "4",
    "nodemanager.vmem-check-enabled": "false",
    "nodemanager.disk-health-checker.enable": "false",
    "scheduler.minimum-allocation-mb": "128",
    "scheduler.capacity.root.queues": "default",
    "scheduler.capacity.root.default.capacity": "100",
    "scheduler.capacity.maximum-am-resource-percent": "1.0",
}


@dataclass(frozen=True)
class Yarn:
    """A running cluster.

    :param conf: what ``HADOOP_CONF_DIR`` names.
    :param pages: address of the resource manager's pages and REST API.
    """

    conf: Path
    pages: str

    def applications(self) -> dict[str, tuple[str, str]]:
        """Return how each application is and ended, by its name."""
        with urllib.request.urlopen(f"{self.pages}/ws/v1/cluster/apps", timeout=60) as answer:
            found = (json.load(answer)["apps"] or {}).get("app", [])
        return {one["name"]: (one["id"], one["finalStatus"]) for one in found}

    def kill(self, application: str) -> None:
        """End an application as an administrator does."""
        url = f"{self.pages}/ws/v1/cluster/apps/{application}/state?user.name={os.environ.get('USER', 'root')}"
        headers = {"content-type": "application/json"}
        asked = urllib.request.Request(url, b'{"state": "KILLED"}', headers, method="PUT")
        urllib.request.urlopen(asked, timeout=60).close()


def find_yarn() -> Path | None:
    """Return the directory of YARN's jars, None where it, or what it is for, is not installed."""
    done = subprocess.run([_TOOL, "find"], env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


@contextmanager
def running_yarn(jars: Path, directory: Path, core: Mapping[str, str], java: list[str]) -> Iterator[Yarn]:
    """Start a cluster that keeps its files below ``directory``; stop it and all that it started.

    :param core: of ``core-site.xml``: the file system.
    :param java: options of every Java.
    """
    conf = directory / "hadoop-conf"
    conf.mkdir(parents=True)
    addresses = {name: f"127.0.0.1:{free_port()}" for name in _ADDRESSES}
    places = {f"nodemanager.{name}-dirs": str(directory / name) for name in ("local", "log")}
    site = {f"yarn.{name}": value for name, value in {**_SETTINGS, **addresses, **places}.items()}
    for file, settings in (("core-site", core), ("yarn-site", site), ("capacity-scheduler", site)):
        (conf / f"{file}.xml").write_text(_as_xml(settings))
    yarn = Yarn(conf, f"http://{addresses['resourcemanager.webapp.address']}")
    with ExitStack() as stack:
        for package, name in _SERVERS.items():
            log = directory / f"{package}.log"
            command = ["java", *java, "-Xmx512m", "--add-opens", "java.base/java.lang=ALL-UNNAMED"]
            command += ["-cp", f"{conf}:{jars}/*", f"org.apache.hadoop.yarn.server.{package}.{name}"]
            process = stack.enter_context(_running(command, directory, conf, log))
        wait_until_started("YARN", process, log, lambda: _has_node(yarn))
        yield yarn


@contextmanager
def _running(command: list[str], directory: Path, conf: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"HADOOP_CONF_DIR": str(conf), "JAVA_HOME": java_home()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()  # a node manager that is asked to end ends its containers
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def java_home() -> str:
    """Return where Java is: the commands that start containers ask for it."""
    return str(Path(shutil.which("java") or "/usr/bin/java").resolve().parents[1])


def _has_node(yarn: Yarn) -> bool:
    with urllib.request.urlopen(f"{yarn.pages}/ws/v1/cluster/metrics", timeout=60) as answer:
        return int(json.load(answer)["clusterMetrics"]["activeNodes"]) > 0


def _as_xml(settings: Mapping[str, str]) -> str:
    lines = (f"<property><name>{name}</name><value>{value}</value></property>" for name, value in settings.items())
    return f"<configuration>{''.join(lines)}</configuration>"
