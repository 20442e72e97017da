"""Several drivers, killed drivers, killed runners: each run still ends once, as it should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.runs.runner.claiming import lock_holder
from aml_plugins.runs.runner.processes import processes_of_job

PATIENCE = 90
SCRIPT = """\
import os, pathlib, subprocess, sys, time
witness, seconds = pathlib.Path(sys.argv[1]), float(sys.argv[2])
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/early.txt").write_text("early")
with open(witness, "a") as file:
    file.write(os.environ["AML_RUN_ID"] + "\\n")
print("started", flush=True)
if seconds > 30:
    subprocess.Popen(["sleep", "600"])  # has to go, too
time.sleep(seconds)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "script.py").write_text(SCRIPT)
    return directory


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def workspace(aml_home: Path) -> Iterator[Workspace]:
    opened = Workspace.get("default")
    opened.attach_compute("local", "box", max_parallel_runs=2)
    yield opened
    opened.close()


@pytest.fixture
def submit(workspace: Workspace, source: Path, witness: Path) -> Callable[..., Run]:
    """Submit a run that sleeps; ``retries`` and so on go to its configuration."""

    def submit(seconds: float = 0.0, **settings: object) -> Run:
        base = RunConfiguration().merged(**settings) if settings else RunConfiguration()
        config = ScriptRunConfig(
            source, script="script.py", arguments=[witness, seconds], compute_target="box", run_config=base
        )
        return Experiment(workspace, "drivers").submit(config)

    return submit


@contextmanager
def monitor(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``aml monitor`` in the block."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "aml_plugins.cli", "monitor", *arguments]
    process = subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stored(workspace: Workspace, run: Run) -> str:
    """Return a run's state without driving it, as ``run.status`` would."""
    return workspace.context.store.runs.get("default", run.id).state


def owners(workspace: Workspace, runs: list[Run]) -> set[str]:
    """Return who drives the runs that have not ended."""
    records = workspace.context.store.runs.get_many([run.id for run in runs]).values()
    return {str(record.lease_owner) for record in records if record.lease_owner}


def lines(witness: Path) -> list[str]:
    return witness.read_text().splitlines() if witness.exists() else []


def all_ended_well(workspace: Workspace, runs: list[Run], witness: Path) -> None:
    history = workspace.context.history("default")
    assert {stored(workspace, run) for run in runs} == {"Completed"}
    assert {history.get(run.id).status for run in runs} == {"FINISHED"}
    assert sorted(lines(witness)) == sorted(run.id for run in runs)  # each script ran once
    assert all("outputs/early.txt" in run.get_file_names() for run in runs)


def test_two_monitors_start_each_of_twenty_runs_once(
    workspace: Workspace, submit: Callable[..., Run], witness: Path
) -> None:
    runs = [submit(0.05) for _ in range(20)]
    workspace.driver.release()

    with monitor(), monitor():
        until(lambda: all(stored(workspace, run) == "Completed" for run in runs))

    all_ended_well(workspace, runs, witness)


def test_a_monitor_killed_in_the_middle_is_made_up_for_by_the_other(
    workspace: Workspace, submit: Callable[..., Run], witness: Path
) -> None:
    runs = [submit(0.2) for _ in range(12)]
    workspace.driver.release()

    with monitor() as first, monitor() as second:
        until(lambda: sum(stored(workspace, run) == "Completed" for run in runs) >= 3)
        (owner, *_) = owners(workspace, runs)
        pid = int(owner.split("/")[2])
        assert pid in {first.pid, second.pid}
        os.kill(pid, signal.SIGKILL)
        until(lambda: all(stored(workspace, run) == "Completed" for run in runs))

    all_ended_well(workspace, runs, witness)


def test_a_monitor_and_somebody_who_waits_get_along(
    workspace: Workspace, submit: Callable[..., Run], witness: Path
) -> None:
    runs = [submit(0.05) for _ in range(6)]

    with monitor():
        for run in runs:
            run.wait_for_completion(timeout=PATIENCE)
            workspace.driver.release()

    all_ended_well(workspace, runs, witness)


def test_a_monitor_that_is_told_to_end_leaves_its_runs_to_another_at_once(
    workspace: Workspace, submit: Callable[..., Run], witness: Path
) -> None:
    run = submit(2.0)
    workspace.driver.release()
    with monitor() as first:
        until(lambda: owners(workspace, [run]))
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=PATIENCE) == 0
    assert owners(workspace, [run]) == set()  # nobody has to wait for a lease to end

    with monitor("--until-idle") as second:
        assert second.wait(timeout=PATIENCE) == 0
    all_ended_well(workspace, [run], witness)


def test_a_monitor_on_another_machine_leaves_jobs_alone_that_it_cannot_see(
    workspace: Workspace, submit: Callable[..., Run], witness: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(3.0)
    until(lambda: lines(witness))
    workspace.driver.release()
    here = os.environ["AML_HOME"]
    monkeypatch.setenv("AML_STORE_URI", workspace.context.store.uri)
    monkeypatch.setenv("AML_HOME", str(tmp_path / "elsewhere"))  # all that this target knows of a machine

    with monitor("--until-idle") as other:
        assert other.wait(timeout=PATIENCE) == 0
    elsewhere = Workspace.get("default")
    assert elsewhere.get_run(run.id).get_status() in {"Queued", "Running"}
    elsewhere.close()

    monkeypatch.setenv("AML_HOME", here)
    with monitor("--until-idle") as own:
        assert own.wait(timeout=PATIENCE) == 0
    all_ended_well(workspace, [run], witness)


def running(workspace: Workspace, run: Run, witness: Path, starts: int = 1) -> int:
    """Drive the run until its script has started that often; return the process id of its runner."""
    until(lambda: run.get_status() == "Running" and len(lines(witness)) >= starts)
    jobs = Path(os.environ["AML_HOME"], "targets", "default", "box", "jobs")
    holder = lock_holder(str(jobs / f"aml-{run.id}-{starts}"))
    assert holder is not None
    return holder[0]


def test_a_killed_runner_fails_its_run_brings_outputs_home_and_leaves_no_process(
    workspace: Workspace, submit: Callable[..., Run], witness: Path
) -> None:
    run = submit(600)
    os.kill(running(workspace, run, witness), signal.SIGKILL)
    run.wait_for_completion(raise_on_error=False, timeout=PATIENCE)

    assert run.status == "Failed"
    assert run.record is not None
    assert "runner of the job was killed" in str(run.record.reason)
    assert {"outputs/early.txt", "logs/std_log.txt"} <= set(run.get_file_names())
    assert "started" in run.get_logs()
    assert processes_of_job(f"aml-{run.id}-1") == []
    assert workspace.context.history("default").get(run.id).status == "FAILED"
    claim = workspace.context.store.compute_targets.claim_slot
    assert claim("default", "box", "e" * 32, 2)
    assert claim("default", "box", "f" * 32, 2)


def test_a_killed_runner_is_tried_again_where_that_is_asked_for(
    workspace: Workspace, submit: Callable[..., Run], witness: Path
) -> None:
    run = submit(600, retries=1)
    os.kill(running(workspace, run, witness), signal.SIGKILL)
    second = running(workspace, run, witness, starts=2)
    assert run.record is not None
    assert run.record.attempt == 2
    os.kill(second, signal.SIGKILL)
    run.wait_for_completion(raise_on_error=False, timeout=PATIENCE)

    assert run.status == "Failed"
    assert lines(witness) == [run.id, run.id]
    files = set(run.get_file_names())
    assert {"outputs/attempt-1/early.txt", "outputs/early.txt"} <= files
