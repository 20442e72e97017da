"""One whole Airflow for all tests of a session, and DAGs whose script says that it was started."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from services.airflow_world import INSTALL_REDIS, AirflowWorld, find_redis, running_world, until
from services.postgresql import PostgresqlServer
from services.requirements import require_service
from services.serving import Serving

from aml_plugins import Run, Service, Workspace
from aml_plugins.errors import NotFoundError


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresqlServer) -> Iterator[AirflowWorld]:
    redis = find_redis()
    require_service("Redis", redis, INSTALL_REDIS)
    assert redis is not None
    with running_world(tmp_path_factory.mktemp("world"), postgresql, redis) as started:
        yield started


@pytest.fixture
def workspace(world: AirflowWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace that the world's tasks use, over the server that they use."""
    monkeypatch.setenv("AML_HOME", str(world.home / "of-the-tests"))
    monkeypatch.setenv("AML_AUTO_MONITOR", "0")
    opened = Workspace.get("default", store=world.server.url)
    yield opened
    opened.close()


@dataclass
class Dag:
    """A DAG run of one task that runs a script.

    :param marks_file: gets a line with its process id each time the script is started.
    """

    world: AirflowWorld
    workspace: Workspace
    dag_id: str
    marks_file: Path
    run_id: str = ""

    def begin(self, text: str) -> None:
        """Give Airflow the DAG's file, and start a run."""
        self.world.add_dag(self.dag_id, text)
        self.run_id = self.world.trigger(self.dag_id)

    def wait_for_mark(self, count: int = 1) -> None:
        until(lambda: len(self.marks()) >= count, "the start of the script")

    def marks(self) -> list[int]:
        return [int(line) for line in self.marks_file.read_text().split()] if self.marks_file.exists() else []

    def let_go(self) -> None:
        """Let the script end."""
        self.marks_file.with_name("go").touch()

    def wait_for(self, *states: str) -> dict[str, Any]:
        return self.world.wait_for_task(self.dag_id, self.run_id, "train", *states)

    def task(self) -> dict[str, Any]:
        return self.world.task(self.dag_id, self.run_id, "train")

    def workers(self) -> list[psutil.Process]:
        return self.world.workers_of(self.dag_id, self.run_id, "train")

    def returned(self) -> Any:
        return self.world.returned(self.dag_id, self.run_id, "train")

    def runs(self) -> list[Run]:
        """The runs that were submitted, oldest first."""
        return list(reversed(self.workspace.experiment(self.dag_id).get_runs()))

    def states(self) -> list[str]:
        return [run.get_status() for run in self.runs()]

    def wait_for_states(self, *states: str) -> None:
        until(lambda: self.states() == list(states), f"runs in {states}, which are {self.states()},")

    def still_running(self) -> list[int]:
        """The scripts' processes that are there."""
        return [pid for pid in self.marks() if psutil.pid_exists(pid)]


@pytest.fixture
def new_dag(world: AirflowWorld, workspace: Workspace, tmp_path: Path):
    """Think of a DAG that has a directory of its own, and no file yet."""

    def new(dag_id: str) -> Dag:
        (tmp_path / dag_id).mkdir()
        return Dag(world, workspace, dag_id, tmp_path / dag_id / "marks")

    return new


@pytest.fixture
def make_dag(new_dag):
    """Make a DAG whose script runs until it is let go, and start a run of it."""

    def make(code: str = "", **settings: str) -> Dag:
        dag = new_dag(f"dag_{time.time_ns()}")
        source = dag.marks_file.with_name("source")
        source.mkdir()
        (source / "task.py").write_text(_SCRIPT.format(marks=str(dag.marks_file), code=textwrap.dedent(code)))
        given = {"source_directory": repr(str(source)), "script": "'task.py'", "target": "'local'"}
        given |= {"retry_delay": "timedelta(0)", **settings}
        text = _DAG.format(dag_id=dag.dag_id, given=", ".join(f"{name}={value}" for name, value in given.items()))
        dag.begin(text)
        return dag

    return make


@pytest.fixture
def make_function_dag(new_dag):
    """Make a DAG whose function, on a target, runs until it is let go and returns the number that it got, doubled."""

    def make(**settings: str) -> Dag:
        dag = new_dag(f"dag_{time.time_ns()}")
        given = ", ".join(f"{name}={value}" for name, value in settings.items())
        dag.begin(_FUNCTION.format(dag_id=dag.dag_id, marks=str(dag.marks_file), given=given))
        return dag

    return make


@pytest.fixture
def make_service_dag(new_dag, workspace: Workspace, tmp_path: Path):
    """Make a DAG that deploys a service, whose script answers nothing until it is let go; nothing of it is left."""
    made: list[str] = []

    def make(**settings: str) -> Dag:
        dag = new_dag(f"dag-{time.time_ns()}")
        image = Serving(workspace, tmp_path).image(_SERVICE.format(marks=str(dag.marks_file)))
        given = ", ".join(f"{name}={value}" for name, value in settings.items())
        dag.begin(_DEPLOYMENT.format(dag_id=dag.dag_id, image=f"{image.name}:{image.version}", given=given))
        made.append(dag.dag_id)
        return dag

    yield make
    for name in made:
        with suppress(NotFoundError):
            Service.get(workspace, name).delete(wait=False)  # the server does it, which knows the processes
        until(lambda name=name: name not in services_of(workspace), f"the end of the service {name}")


def services_of(workspace: Workspace) -> list[str]:
    return [service.name for service in Service.list(workspace)]


_SERVICE = """
import os, pathlib, time
def init():
    marks = pathlib.Path({marks!r})
    with marks.open("a") as file:
        file.write(str(os.getpid()) + chr(10))
    while not marks.with_name("go").exists():
        time.sleep(0.1)
def run(data):
    return data
"""

_DEPLOYMENT = """
from datetime import timedelta
from airflow.sdk import DAG
from aml_airflow.operators.service import AmlDeployServiceOperator

with DAG({dag_id!r}, schedule=None):
    AmlDeployServiceOperator(task_id="train", service_name={dag_id!r}, image={image!r}, timeout_seconds=1200,
                             retry_delay=timedelta(0), {given})
"""

_SCRIPT = """
import os, pathlib, time
marks = pathlib.Path({marks!r})
with marks.open("a") as file:
    file.write(f"{{os.getpid()}}\\n")
print("the script is started", flush=True)
while not marks.with_name("go").exists():
    time.sleep(0.1)
print("the script ends", flush=True)
{code}
"""

_DAG = """
from datetime import timedelta
from airflow.sdk import DAG
from aml_airflow.operators.run import AmlRunOperator

with DAG({dag_id!r}, schedule=None):
    AmlRunOperator(task_id="train", {given})
"""

_FUNCTION = """
import os, pathlib, time
from datetime import timedelta
from airflow.sdk import DAG, task

MARKS = {marks!r}

with DAG({dag_id!r}, schedule=None):
    @task.aml(target="local", retry_delay=timedelta(0), {given})
    def train(number):
        marks = pathlib.Path(MARKS)
        with marks.open("a") as file:
            file.write(str(os.getpid()) + chr(10))
        while not marks.with_name("go").exists():
            time.sleep(0.1)
        return 2 * number

    train(21)
"""
