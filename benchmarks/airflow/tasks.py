"""What a task costs that runs a script to its end, beside the plain SDK and beside Airflow's own cost of a task.

Real tasks under the Task SDK's supervisor and its Execution API, in a worker that is warm; a worker that forks for each
task, and a server between it and the database, come on top for every operator alike.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from services.airflow_installation import Airflow, Worker

from aml_plugins import ScriptRunConfig, Workspace

ROUNDS = 9

_DAGS = {
    "a task that does nothing": """
    @task
    def work(): pass
    work()
""",
    "a task that calls the SDK": """
    @task
    def work():
        from aml_plugins import ScriptRunConfig, Workspace
        with_script = ScriptRunConfig({source!r}, script="noop.py", compute_target="local")
        run = Workspace.get().experiment("tasks").submit(with_script)
        run.wait_for_completion()
        return run.id
    work()
""",
    "AmlRunOperator": """
    AmlRunOperator(task_id="work", source_directory={source!r}, script="noop.py", target="local", experiment="tasks")
""",
}
_HEAD = """
from airflow.sdk import DAG, task
from aml_airflow.operators.run import AmlRunOperator
with DAG("{dag_id}", schedule=None):
"""
Used = tuple[float, float]


def measure_tasks(airflow: Airflow, scratch: Path, rounds: int = ROUNDS) -> None:
    """Print the medians of interleaved rounds: processor time of the process that waits, and time on the clock."""
    source = scratch / "noop"
    source.mkdir()
    (source / "noop.py").write_text("")
    os.environ["AML_HOME"] = str(scratch / "home")
    os.environ["AML_AUTO_MONITOR"] = "0"
    worker = Worker(airflow, scratch / "tasks.log")
    ways: dict[str, Callable[[], Used]] = {"the SDK, in a process without Airflow": lambda: _in_sdk(source)}
    for number, (name, text) in enumerate(_DAGS.items()):
        ways[name] = _dag(worker, f"tasks_{number}", text.format(source=str(source)))
    try:
        measured: dict[str, list[Used]] = {name: [] for name in ways}
        for number in range(1 + rounds):
            for name, way in ways.items():
                used = way()
                if number:  # the first round makes databases and caches
                    measured[name].append(used)
    finally:
        worker.stop()
    _show(measured)


def _dag(worker: Worker, dag_id: str, text: str) -> Callable[[], Used]:
    file = worker.airflow.dags / f"{dag_id}.py"
    file.write_text(_HEAD.format(dag_id=dag_id) + text)
    worker.load(file)

    def attempt() -> Used:
        names = {"dag_id": dag_id, "run_id": f"manual__{time.time_ns()}"}
        worker.ask("create", **names)
        return _used(worker.pid, lambda: _succeed(worker, names))

    return attempt


def _succeed(worker: Worker, names: dict[str, str]) -> None:
    done = worker.ask("attempt", **names)
    assert done["state"] == "success", done


def _in_sdk(source: Path) -> Used:
    def submit() -> None:
        workspace = Workspace.get()
        config = ScriptRunConfig(source, script="noop.py", compute_target="local")
        workspace.experiment("tasks").submit(config).wait_for_completion()

    return _used(os.getpid(), submit)


def _used(pid: int, work: Callable[[], None]) -> Used:
    process = psutil.Process(pid)
    before, begun = process.cpu_times(), time.perf_counter()
    work()
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system, time.perf_counter() - begun


def _show(measured: dict[str, list[Used]]) -> None:
    medians = {name: tuple(map(statistics.median, zip(*all_, strict=True))) for name, all_ in measured.items()}
    sdk = next(iter(medians.values()))
    print("\na script that does nothing, to its end: processor ms, ms on the clock, times the SDK's")
    for name, (cpu, clock) in medians.items():
        print(
            f"  {name:38} {1000 * cpu:6.0f} {1000 * clock:6.0f} {cpu / sdk[0]:6.2f} {clock / sdk[1]:6.2f}", flush=True
        )
