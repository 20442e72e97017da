"""Many no-op runs on two slots: ours against a plain pool of processes (the floor) and MLflow's projects.

Contenders take turns, so that a machine that slows down slows all of them. The store's cost is the
processor time within its calls, MLflow's and ours, in the two processes that submit and drive.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any

SLOTS = 2
SHARES = 4
HISTORY = ("ensure_experiment", "create_run", "set_status", "script_variables")
NOUNS = ("runs", "tasks", "snapshots", "compute_targets", "datastores", "workspaces")


def floor(source: Path, runs: int) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        command = [sys.executable, str(source / "noop.py"), os.devnull]
        list(pool.map(lambda _: subprocess.run(command, check=True), range(runs)))
    return time.perf_counter() - begun


def projects(source: Path, runs: int) -> float:
    import mlflow

    begun = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        list(pool.map(lambda _: mlflow.projects.run(str(source), env_manager="local"), range(runs)))
    return time.perf_counter() - begun


class Meter:
    """Processor time of this thread, in all and within the store's calls."""

    def __init__(self, context: Any, workspace: str) -> None:
        self.store = 0.0
        self._begun = time.thread_time()
        self._inside = False
        for owner in (getattr(context.store, noun) for noun in NOUNS):
            for name in dir(owner):
                if not name.startswith("_") and callable(getattr(owner, name)):
                    setattr(owner, name, self._measured(getattr(owner, name)))
        history = context.history(workspace)
        for name in HISTORY:
            setattr(history, name, self._measured(getattr(history, name)))

    def reset(self) -> None:
        self.store, self._begun = 0.0, time.thread_time()

    def read(self) -> dict[str, float]:
        return {"all": time.thread_time() - self._begun, "store": self.store}

    def _measured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def measured(*arguments: Any, **options: Any) -> Any:
            if self._inside:
                return function(*arguments, **options)
            self._inside, begun = True, time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                self._inside = False
                self.store += time.thread_time() - begun

        return measured


def drive() -> None:
    """Be the monitor: drive what is submitted until told to end, a share a line."""
    from aml_plugins.context import open_context
    from aml_plugins.runs.reconciliation.monitor import Monitor

    logging.disable(logging.INFO)
    context = open_context()
    meter, stop = Meter(context, "default"), threading.Event()
    monitor = Monitor(context)
    print(json.dumps("ready"), flush=True)
    thread_ends = threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True)
    thread_ends.start()
    monitor.run(stop)
    print(json.dumps(meter.read()), flush=True)


class Ours:
    """Submits one run after the other, and lets a monitor in a process of its own drive them."""

    def __init__(self, source: Path) -> None:
        from aml_plugins import Experiment, ScriptRunConfig, Workspace

        self.workspace = Workspace.get("default")
        self.workspace.attach_compute("local", "two", max_parallel_runs=SLOTS)
        self.config = ScriptRunConfig(source, script="noop.py", arguments=[os.devnull], compute_target="two")
        self.experiment = Experiment(self.workspace, "queue")
        self.experiment.submit(self.config).wait_for_completion()
        self.meter = Meter(self.workspace.context, "default")
        self.submitting = 0.0
        self.monitor = subprocess.Popen(
            [sys.executable, __file__, "--drive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.monitor.stdout is not None
        self.monitor.stdout.readline()
        self.share(4)  # warms the monitor up
        self.meter.reset()
        self.submitting = 0.0

    def share(self, runs: int) -> float:
        begun = time.perf_counter()
        submitted = []
        for _ in range(runs):
            submitted.append(self.experiment.submit(self.config).id)
            self.workspace.driver.release()
        self.submitting += time.perf_counter() - begun
        left = set(submitted)
        while left:
            time.sleep(0.005)
            records = self.workspace.context.store.runs.get_many(left)
            left -= {run_id for run_id, run in records.items() if run.ended_at is not None and run.lease_owner is None}
        seconds = time.perf_counter() - begun
        records = self.workspace.context.store.runs.get_many(submitted)
        assert {run.state for run in records.values()} == {"Completed"}
        return seconds

    def close(self) -> tuple[dict[str, float], dict[str, float]]:
        """End the monitor; return what both processes used."""
        said, _ = self.monitor.communicate("end\n")
        return self.meter.read(), json.loads(said.splitlines()[-1])


def main(runs: int) -> None:
    import mlflow

    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["AML_HOME"] = str(Path(directory, "home"))
        source, project = Path(directory, "source"), Path(directory, "project")
        for folder in (source, project):
            folder.mkdir()
            (folder / "noop.py").write_text("import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n")
        command = f"{sys.executable} noop.py {os.devnull}"
        (project / "MLproject").write_text(f"name: noop\nentry_points:\n  main:\n    command: {command!r}\n")
        mlflow.set_tracking_uri(f"sqlite:///{directory}/mlflow.db")
        mlflow.projects.run(str(project), env_manager="local")
        ours = Ours(source)
        seconds = {"floor": 0.0, "ours": 0.0, "theirs": 0.0}
        for _ in range(SHARES):
            seconds["floor"] += floor(source, runs // SHARES)
            seconds["ours"] += ours.share(runs // SHARES)
            seconds["theirs"] += projects(project, runs // SHARES)
        submitter, monitor = ours.close()
        _report(runs, seconds, ours.submitting, submitter, monitor)


def _report(
    runs: int, seconds: dict[str, float], submitting: float, submitter: dict[str, float], monitor: dict[str, float]
) -> None:
    each = {name: value / runs * 1000 for name, value in seconds.items()}
    print(f"{runs} no-op runs on {SLOTS} slots, ms of wall time a run")
    print(f"  floor (process pool)   {each['floor']:6.1f}   1.0x")
    print(f"  ours                   {each['ours']:6.1f}   {each['ours'] / each['floor']:.1f}x")
    print(f"    of which submitting  {submitting / runs * 1000:6.1f}")
    print(f"  mlflow.projects.run    {each['theirs']:6.1f}   {each['theirs'] / each['floor']:.1f}x")
    print("ms of processor time a run: in all, and of that in the store")
    for name, used in (("submitting", submitter), ("driving", monitor)):
        print(f"  {name:<20} {used['all'] / runs * 1000:6.1f} {used['store'] / runs * 1000:6.1f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--drive"]:
        drive()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
