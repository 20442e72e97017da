"""One Airflow for the tests of a process, and task scripts that leave marks."""

from __future__ import annotations

import os
import signal
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from services.airflow_installation import Airflow, Worker

from aml_plugins import Run, Workspace

PATIENCE_SECONDS = 120


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """An installation with an empty database."""
    installation = Airflow(tmp_path_factory.mktemp("airflow") / "home")
    installation.migrate()
    return installation


@pytest.fixture(scope="session")
def shared_worker(airflow: Airflow) -> Iterator[Worker]:
    worker = Worker(airflow, airflow.home / "worker.log")
    yield worker
    worker.stop()


@pytest.fixture
def worker(shared_worker: Worker, aml_home: Path) -> Worker:
    """The worker, with a fresh ``AML_HOME``."""
    return shared_worker


@dataclass(frozen=True)
class Task:
    """A DAG of one ``AmlRunOperator``, and what its script did."""

    worker: Worker
    dag_id: str
    run_id: str
    marks_file: Path

    def attempt(self, interrupt: tuple[str, int | str] | None = None) -> dict:
        return self.worker.ask("attempt", dag_id=self.dag_id, run_id=self.run_id, interrupt=interrupt)

    def begin(self) -> None:
        self.worker.begin("attempt", dag_id=self.dag_id, run_id=self.run_id, interrupt=None)

    def ask(self, action: str) -> dict:
        return self.worker.ask(action, dag_id=self.dag_id, run_id=self.run_id)

    def marks(self) -> list[str]:
        """One line for each time the script was started: the arguments it got."""
        return self.marks_file.read_text().splitlines() if self.marks_file.exists() else []

    def wait_for_mark(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.marks():
            assert time.monotonic() < deadline, "the script was not started"
            time.sleep(0.05)

    def runs(self) -> list[Run]:
        return list(reversed(Workspace.get().experiment(self.dag_id).get_runs()))


@pytest.fixture
def make_task(worker: Worker, tmp_path: Path):
    """Make a DAG whose only task runs ``code``, with a DAG run whose task was not tried yet."""

    def make(code: str = "", *, arguments: str = "()", expand: str = "", **settings: str) -> Task:
        source = tmp_path / "source"
        source.mkdir()
        marks = tmp_path / "marks"
        beginning = f"import sys\nopen({str(marks)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        (source / "task.py").write_text(beginning + textwrap.dedent(code))
        dag_id = f"dag_{os.getpid()}_{time.time_ns()}"
        given = {"source_directory": repr(str(source)), "script": "'task.py'", "target": "'local'", **settings}
        if not expand:
            given["arguments"] = arguments
        text = _DAG.format(
            dag_id=dag_id,
            call="AmlRunOperator.partial" if expand else "AmlRunOperator",
            given=", ".join(f"{name}={value}" for name, value in given.items()),
            expand=f".expand({expand})" if expand else "",
        )
        file = worker.airflow.dags / f"{dag_id}.py"
        file.write_text(text)
        worker.load(file)
        task = Task(worker, dag_id, "manual__first", marks)
        if not expand:
            task.ask("create")
        return task

    return make


@pytest.fixture
def run_dag(worker: Worker):
    """Run the DAG of a file's text with ``DAG.test``; return what became of its tasks by name and map index."""

    def run(text: str) -> dict[tuple[str, int], dict]:
        dag_id = f"dag_{os.getpid()}_{time.time_ns()}"
        file = worker.airflow.dags / f"{dag_id}.py"
        file.write_text(textwrap.dedent(text).replace("DAG_ID", dag_id))
        worker.load(file)
        done = worker.ask("test_dag", dag_id=dag_id)
        return {(task["task_id"], task["map_index"]): {**task, "dag_id": dag_id} for task in done["tasks"]}

    return run


_DAG = """\
from datetime import timedelta
from airflow.sdk import DAG
from aml_airflow.operators.run import AmlRunOperator

with DAG({dag_id!r}, schedule=None):
    {call}(task_id="train", retry_delay=timedelta(0), {given}){expand}
"""


@pytest.fixture
def wait_for_end():
    """Wait until a run has ended, and return its state."""

    def wait(run: Run) -> str:
        return run.wait_for_completion(raise_on_error=False, timeout=PATIENCE_SECONDS).status

    return wait


@pytest.fixture
def own_monitor(aml_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let tasks start a monitor in the background, as they do by themselves; it ends with the test."""
    monkeypatch.setenv("AML_AUTO_MONITOR", "1")
    yield
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_ours = f"AML_HOME={aml_home}\0".encode() in (folder / "environ").read_bytes()
            if is_ours and b"monitor" in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), signal.SIGTERM)
