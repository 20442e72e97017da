"""Many no-op runs on two slots: ours against a plain pool of processes (the floor) and MLflow's projects."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SLOTS = 2


def floor(source: Path, runs: int) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        command = [sys.executable, str(source / "noop.py"), os.devnull]
        list(pool.map(lambda _: subprocess.run(command, check=True), range(runs)))
    return time.perf_counter() - begun


def projects(source: Path, runs: int) -> float:
    import mlflow

    command = f"{sys.executable} noop.py {os.devnull}"
    (source / "MLproject").write_text(f"name: noop\nentry_points:\n  main:\n    command: {command!r}\n")
    mlflow.set_tracking_uri(f"sqlite:///{source}/mlflow.db")
    mlflow.projects.run(str(source), env_manager="local")
    begun = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        list(pool.map(lambda _: mlflow.projects.run(str(source), env_manager="local"), range(runs)))
    return time.perf_counter() - begun


def ours(source: Path, runs: int) -> tuple[float, float]:
    """Return seconds in all, and seconds of them that submitting took."""
    from aml_plugins import Experiment, ScriptRunConfig, Workspace
    from aml_plugins.runs.reconciliation.monitor import Monitor

    workspace = Workspace.get("default")
    workspace.attach_compute("local", "two", max_parallel_runs=SLOTS)
    config = ScriptRunConfig(source, script="noop.py", arguments=[os.devnull], compute_target="two")
    experiment = Experiment(workspace, "queue")
    experiment.submit(config).wait_for_completion()
    begun = time.perf_counter()
    submitted = [experiment.submit(config) for _ in range(runs)]
    submitting = time.perf_counter() - begun
    workspace.driver.release()
    Monitor(workspace.context).run(threading.Event(), until_idle=True)
    seconds = time.perf_counter() - begun
    assert {run.status for run in submitted} == {"Completed"}
    return seconds, submitting


def main(runs: int) -> None:
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["AML_HOME"] = str(Path(directory, "home"))
        source = Path(directory, "source")
        source.mkdir()
        (source / "noop.py").write_text("import sys, time\nopen(sys.argv[1], 'w').write(str(time.time()))\n")
        lowest = floor(source, runs)
        seconds, submitting = ours(source, runs)
        print(f"{runs} no-op runs on {SLOTS} slots, ms of wall time a run")
        print(f"  floor (process pool)   {lowest / runs * 1000:6.1f}   1.0x")
        print(f"  ours                   {seconds / runs * 1000:6.1f}   {seconds / lowest:.1f}x")
        print(f"    of which submitting  {submitting / runs * 1000:6.1f}")
        theirs = projects(source, runs)
        print(f"  mlflow.projects.run    {theirs / runs * 1000:6.1f}   {theirs / lowest:.1f}x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
