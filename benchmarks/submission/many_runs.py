"""Many no-op runs on two slots: ours against a plain pool of processes (the floor) and MLflow's projects.

Contenders take turns, so that a machine that slows down slows all of them. The store's cost is stated twice: the
processor time within its calls, MLflow's and ours, in the two processes that submit and drive; and what a bare
database takes for the very same statements and transactions, recorded in one more share and played back in the same
run (``statements.py``). The goal is 1.5 times the floor's wall time a run, and that store's on top.

``many_runs.py 200 10000`` measures the same among ten thousand runs that have ended before.
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

from earlier_runs import add_earlier_runs
from statements import Recorder, copy_database, play

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
    """Processor time of the thread that makes it, in all and within the store's calls."""

    def __init__(self, context: Any, workspace: str) -> None:
        self._inside = False
        self._clock = time.pthread_getcpuclockid(threading.get_ident())  # readable from other threads, too
        for owner in (getattr(context.store, noun) for noun in NOUNS):
            for name in dir(owner):
                if not name.startswith("_") and callable(getattr(owner, name)):
                    setattr(owner, name, self._measured(getattr(owner, name)))
        history = context.history(workspace)
        for name in HISTORY:
            setattr(history, name, self._measured(getattr(history, name)))
        self.reset()  # opening the history imports MLflow, which is no run's doing

    def reset(self) -> None:
        self.store, self._begun = 0.0, time.clock_gettime(self._clock)

    def read(self) -> dict[str, float]:
        return {"all": time.clock_gettime(self._clock) - self._begun, "store": self.store}

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
    recorder, context = Recorder(), open_context()
    meter, stop, monitor = Meter(context, "default"), threading.Event(), Monitor(context)
    print(json.dumps("ready"), flush=True)

    def obey() -> None:
        sys.stdin.readline()  # all that is timed is done
        print(json.dumps(meter.read()), flush=True)
        recorder.start()
        print(json.dumps("records"), flush=True)
        recorder_file = sys.stdin.readline().strip()
        recorder.save(Path(recorder_file))
        stop.set()

    threading.Thread(target=obey, daemon=True).start()
    monitor.run(stop)


class Ours:
    """Submits one run after the other, and lets a monitor in a process of its own drive them."""

    def __init__(self, source: Path, earlier: int = 0) -> None:
        from aml_plugins import Experiment, ScriptRunConfig, Workspace

        self.recorder = Recorder()
        self.workspace = Workspace.get("default")
        self.workspace.attach_compute("local", "two", max_parallel_runs=SLOTS)
        self.config = ScriptRunConfig(source, script="noop.py", arguments=[os.devnull], compute_target="two")
        self.experiment = Experiment(self.workspace, "queue")
        first = self.experiment.submit(self.config).wait_for_completion()
        self.database = Path(self.workspace.context.store.uri.partition("sqlite:///")[2])
        add_earlier_runs(self.database, first.id, earlier)
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
        self.recorder.stop()  # what this asks from here on is no run's doing
        for run_id in submitted:  # one question at a time: asking for all of them takes from what is measured
            while not self._is_over(run_id):
                time.sleep(0.005)
        seconds = time.perf_counter() - begun
        records = self.workspace.context.store.runs.get_many(submitted)
        assert {run.state for run in records.values()} == {"Completed"}
        return seconds

    def _is_over(self, run_id: str) -> bool:
        run = self.workspace.context.store.runs.find(run_id)
        return run is not None and run.ended_at is not None and run.lease_owner is None

    def used(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return what both processes used."""
        assert self.monitor.stdin is not None
        assert self.monitor.stdout is not None
        self.monitor.stdin.write("what did it take?\n")
        self.monitor.stdin.flush()
        return self.meter.read(), json.loads(self.monitor.stdout.readline())

    def store_alone(self, runs: int, directory: Path) -> dict[str, float]:
        """Record one more share and play it back to a bare database; end the monitor."""
        assert self.monitor.stdout is not None
        self.monitor.stdout.readline()  # it records
        copy, recordings = directory / "copy.db", [directory / name for name in ("submitter", "monitor")]
        copy_database(self.database, copy)
        self.recorder.start()
        self.share(runs)
        self.recorder.save(recordings[0])
        self.monitor.communicate(f"{recordings[1]}\n")
        return play(copy, recordings)


def main(runs: int = 200, earlier: int = 0) -> None:
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
        ours = Ours(source, earlier)
        seconds = {"floor": 0.0, "ours": 0.0, "theirs": 0.0}
        for _ in range(SHARES):
            seconds["floor"] += floor(source, runs // SHARES)
            seconds["ours"] += ours.share(runs // SHARES)
            seconds["theirs"] += projects(project, runs // SHARES)
        submitting = ours.submitting
        submitter, monitor = ours.used()
        store = ours.store_alone(runs // SHARES, Path(directory))
        alone = {name: value / (runs // SHARES) for name, value in store.items()}
        _report(runs, seconds, submitting, submitter, monitor)
        _report_store(alone, seconds["floor"] / runs, seconds["ours"] / runs)


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
    # Two processors are busy, so a run's wall time holds half of what the store's calls take of them.
    store = (submitter["store"] + monitor["store"]) / runs * 1000 / SLOTS
    print(f"the store as it is spent, all of its calls: {store:.1f} ms of a run's wall time")
    print(f"  ours without it        {each['ours'] - store:6.1f}   {(each['ours'] - store) / each['floor']:.1f}x")


def _report_store(alone: dict[str, float], floor: float, ours: float) -> None:
    print(
        f"a bare store, {alone['statements']:.0f} statements and {alone['transactions']:.1f} writing transactions a run"
    )
    print(f"  wall, processor        {alone['wall'] * 1000:6.1f} {alone['processor'] * 1000:6.1f}")
    print(f"  ours without it        {(ours - alone['wall']) * 1000:6.1f}   {(ours - alone['wall']) / floor:.1f}x")


if __name__ == "__main__":
    if sys.argv[1:] == ["--drive"]:
        drive()
    else:
        main(*map(int, sys.argv[1:]))
