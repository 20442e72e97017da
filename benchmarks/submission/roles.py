"""The processes of ``many_runs.py``: one for each contender, and a monitor. Each does a share when it is told to.

``roles.py ROLE SOURCE [RECORDING]``: a line on the standard input is a number of runs, or a question, and is answered
by a line of JSON; the end of the input is the end. With a file for a recording it notes what reaches the database.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from meter import Meter
from statements import Recorder

__all__ = ["SLOTS", "Role"]

SLOTS = 2
TARGET = "two"
Answer = dict[str, float]


class Role:
    """A process that does a contender's work, as others tell it to."""

    def __init__(self, name: str, source: Path, recording: Path | None = None) -> None:
        more = [] if recording is None else [str(recording)]
        self._process = subprocess.Popen(
            [sys.executable, __file__, name, str(source), *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline()) == "ready"

    def tell(self, runs: int = 0) -> Answer:
        """Have it do a share of so many runs, or answer what it used; return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{runs}\n")
        self._process.stdin.flush()
        answer: Answer = json.loads(self._process.stdout.readline())
        return answer

    def end(self) -> None:
        self._process.communicate()
        assert not self._process.returncode


def floor(source: Path) -> Callable[[int], Answer]:
    command = [sys.executable, str(source / "noop.py"), os.devnull]
    return _pooled(lambda _: subprocess.run(command, check=True))


def projects(source: Path) -> Callable[[int], Answer]:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{source}/mlflow.db")
    mlflow.projects.run(str(source), env_manager="local")
    return _pooled(lambda _: mlflow.projects.run(str(source), env_manager="local"))


def _pooled(run: Callable[[int], Any]) -> Callable[[int], Answer]:
    def share(runs: int) -> Answer:
        begun = time.perf_counter()
        with ThreadPoolExecutor(SLOTS) as pool:
            list(pool.map(run, range(runs)))
        return {"seconds": time.perf_counter() - begun}

    return share


def prepare(source: Path) -> Callable[[int], Answer]:
    """Make the database, in which so many runs have ended before: whoever works in it has no use for MLflow then."""
    from earlier_runs import add_earlier_runs

    from aml_plugins import Workspace

    def first(earlier: int) -> Answer:
        workspace = Workspace.get("default")
        workspace.attach_compute("local", TARGET, max_parallel_runs=SLOTS)
        run = _submitting(workspace, source)().wait_for_completion()
        add_earlier_runs(Path(workspace.context.store.uri.partition("sqlite:///")[2]), run.id, earlier)
        return {}

    return first


def _submitting(workspace: Any, source: Path) -> Callable[[], Any]:
    from aml_plugins import Experiment, ScriptRunConfig

    config = ScriptRunConfig(source, script="noop.py", arguments=[os.devnull], compute_target=TARGET)
    return partial(Experiment(workspace, "queue").submit, config)


def submit(source: Path, recorder: Recorder | None) -> Callable[[int], Answer]:
    """Submit one run after the other, and wait until a monitor has driven them all.

    Only what submitting takes of a processor is measured: whoever waits may ask as seldom as they like.
    """
    from aml_plugins import Workspace

    workspace = Workspace.get("default")
    submit_one, runs_of = _submitting(workspace, source), workspace.context.store.runs
    meter = Meter(workspace.context, "default")

    def is_over(run_id: str) -> bool:
        run = runs_of.find(run_id)
        return run is not None and run.ended_at is not None and run.lease_owner is None

    def share(runs: int) -> Answer:
        _record_anew(recorder)
        meter.reset()
        begun, submitted = time.perf_counter(), []
        for _ in range(runs):
            submitted.append(submit_one().id)
            workspace.driver.release()
        submitting, used = time.perf_counter() - begun, meter.read()
        if recorder:
            recorder.stop()  # what this asks from here on is no run's doing
        for run_id in reversed(submitted):  # the last one takes longest, and asking takes from what is measured
            while not is_over(run_id):
                time.sleep(0.005)
        seconds = time.perf_counter() - begun
        assert {run.state for run in runs_of.get_many(submitted).values()} == {"Completed"}
        return {"seconds": seconds, "submitting": submitting, **used}

    return share


def drive(recorder: Recorder | None, stop: threading.Event) -> tuple[Callable[[int], Answer], Callable[[], None]]:
    """Be the monitor; return what answers how much it used since it was asked last, and what drives."""
    from aml_plugins.context import open_context
    from aml_plugins.runs.reconciliation.monitor import Monitor

    context = open_context()
    meter, monitor = Meter(context, "default"), Monitor(context)

    def used(_runs: int) -> Answer:
        found = meter.read()
        _record_anew(recorder)
        meter.reset()
        return found

    return used, lambda: monitor.run(stop)


def _record_anew(recorder: Recorder | None) -> None:
    if recorder:
        recorder.transactions.clear()
        recorder.start()


def _obey(answer: Callable[[int], Answer]) -> None:
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(int(line))), flush=True)


def _be_monitor(recorder: Recorder | None, recording: Path | None) -> None:
    stop = threading.Event()
    used, run = drive(recorder, stop)

    def obey() -> None:
        _obey(used)
        _save(recorder, recording)
        stop.set()

    threading.Thread(target=obey, daemon=True).start()
    run()


def _save(recorder: Recorder | None, recording: Path | None) -> None:
    if recorder and recording:
        recorder.save(recording)


def main(name: str, source: Path, recording: Path | None = None) -> None:
    logging.disable(logging.INFO)
    recorder = Recorder() if recording else None  # in the way of each statement, so only where it is to record
    if name == "monitor":
        _be_monitor(recorder, recording)
    elif name == "submit":
        _obey(submit(source, recorder))
        _save(recorder, recording)
    else:
        _obey({"floor": floor, "projects": projects, "prepare": prepare}[name](source))


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
