"""What a driver does in one round, and what ends its sleep."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aml_plugins import Run, Workspace
from aml_plugins.compute import JobHandle, JobState, JobStatus
from aml_plugins.errors import NotYetDoneError, StoreError
from aml_plugins.runs import waiting
from aml_plugins.runs.reconciliation import driver as driver_module
from aml_plugins.runs.reconciliation import monitor as monitor_module
from aml_plugins.runs.reconciliation.bell import Bell, ring
from aml_plugins.runs.reconciliation.driver import LONGEST_REST, Driver
from aml_plugins.runs.reconciliation.monitor import Monitor
from aml_plugins.runs.reconciliation.observe import observe
from aml_plugins.runs.reconciliation.waking import WATCHED_SECONDS
from aml_plugins.runs.runner.claiming import lock_holder
from aml_plugins.store.copies import changed
from aml_plugins.store.records import RunChange, RunRecord
from aml_plugins.testing.jobs import wait_until

FOR_EVER = 600.0
PATIENCE = 90.0


def drive_until(driver: Driver, run: Run, condition: Callable[[RunRecord], bool]) -> RunRecord:
    until = time.monotonic() + PATIENCE
    while not condition(record := driver.drive([run.id])[run.id]):
        assert time.monotonic() < until, record
        time.sleep(0.01)
    return record


def test_the_end_of_a_job_ends_the_sleep(workspace: Workspace, submit: Callable[[str], Run]) -> None:
    run = submit("4")  # long enough to be seen running on a busy machine
    drive_until(workspace.driver, run, lambda record: record.state == "Running")

    workspace.driver.sleep(FOR_EVER)
    assert workspace.driver.drive([run.id])[run.id].state == "Completed"


def test_who_waits_for_a_slot_drives_those_that_have_it(
    workspace: Workspace, submit: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their submitter was killed, and there is no monitor."""
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.1)
    first, last = submit("0.1"), submit("0")
    workspace.driver.release()
    with closing(Workspace.get("default")) as later:
        run = later.get_run(last.id)
        run.wait_for_completion(timeout=PATIENCE)
        assert later.context.store.runs.get("default", first.id).state == "Completed"
        record = later.context.store.runs.get("default", last.id)
        assert (record.state, record.lease_owner) == ("Completed", None)


def test_a_target_that_answers_slowly_is_left_in_peace_for_a_while(
    workspace: Workspace, submit: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit("60")
    drive_until(workspace.driver, run, lambda record: record.state == "Running")
    backend = workspace.context.backends.get("default", "one")
    answer = backend.statuses

    def slow(handles: Collection[JobHandle]) -> object:
        time.sleep(0.05)
        return answer(handles)

    monkeypatch.setattr(backend, "statuses", slow)
    monkeypatch.setattr(type(backend), "wakers", lambda *_: [])
    pauses: list[float] = []
    workspace.driver.drive([run.id])
    workspace.driver.sleep(0.005, lambda seconds: bool(pauses.append(seconds)))
    assert 0.1 <= pauses[0] <= LONGEST_REST
    run.cancel()
    run.wait_for_completion(raise_on_error=False)


def test_a_clean_up_that_takes_longer_is_looked_at_again_soon(
    workspace: Workspace,
    submit: Callable[[str], Run],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = submit("0")
    backend = workspace.context.backends.get("default", "one")
    clean_up, tries = backend.cleanup, [1, 2, 3]

    def slow(handle: JobHandle) -> None:
        if tries:
            raise NotYetDoneError(f"try {tries.pop(0)}.")
        clean_up(handle)

    monkeypatch.setattr(backend, "cleanup", slow)
    with caplog.at_level("INFO"):
        run.wait_for_completion()
    said = [line for line in caplog.messages if ": try " in line]
    assert [line.rpartition("again in ")[2] for line in said] == ["0.1 s.", "0.2 s.", "0.4 s."]


def test_a_wish_to_stop_ends_the_sleep(workspace: Workspace, submit: Callable[[str], Run]) -> None:
    run = submit("60")
    drive_until(workspace.driver, run, lambda record: record.state == "Running")
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()

    workspace.driver.sleep(FOR_EVER, stop.wait)
    assert stop.is_set()
    run.cancel()
    run.wait_for_completion(raise_on_error=False)


def test_a_run_that_is_left_to_monitors_ends_their_sleep(workspace: Workspace, submit: Callable[[str], Run]) -> None:
    bell = Bell(workspace.context)
    runs = [submit("600"), submit("0")]
    assert not bell.has_rung()

    workspace.driver.release()
    Driver(workspace.context).sleep(FOR_EVER, bell=bell)
    assert bell.has_rung()
    assert not bell.has_rung()

    bell.close()
    ring(workspace.context)  # nobody hears it
    for run in runs:
        run.cancel()
    for run in runs:
        run.wait_for_completion(raise_on_error=False)
    assert {run.get_status() for run in runs} == {"Canceled"}


def test_what_could_not_be_written_is_not_shown_and_done_again(
    workspace: Workspace, submit: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses once between the end of the job and the end of the run: nothing is lost by it."""
    run = submit("0")
    runs, tries = workspace.context.store.runs, []
    original = runs.save_all

    def refusing(changes: Sequence[RunChange], *, owner: str) -> Mapping[str, RunRecord]:
        tries.append([change.run.state for change in changes])
        if len(tries) in {1, 3}:
            raise StoreError("The database is locked.")
        return original(changes, owner=owner)

    monkeypatch.setattr(runs, "save_all", refusing)
    shown = workspace.driver.drive([run.id])[run.id]
    while shown.ended_at is None or shown.state != "Completed":
        assert shown.state == runs.get("default", run.id).state
        workspace.driver.sleep(0.05)
        shown = workspace.driver.drive([run.id])[run.id]
    assert len(tries) > 3
    assert shown.version == runs.get("default", run.id).version


def test_with_nothing_to_watch_the_sleep_is_as_long_as_asked(workspace: Workspace) -> None:
    waited: list[float] = []
    workspace.driver.sleep(0.75, lambda seconds: bool(waited.append(seconds)))
    assert waited == [0.75]


def test_a_slot_is_free_when_the_job_has_ended_and_before_its_results_are_home(
    workspace: Workspace, submit: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = submit("0"), submit("0")
    backend = workspace.context.backends.get("default", "one")
    order: list[str] = []
    for name in ("submit", "results"):
        original = getattr(backend, name)

        def noting(*arguments: object, name: str = name, original: Callable[..., object] = original) -> object:
            order.append(name)
            return original(*arguments)

        monkeypatch.setattr(backend, name, noting)
    until = time.monotonic() + PATIENCE
    while any(run.ended_at is None for run in workspace.driver.drive([first.id, second.id]).values()):
        assert time.monotonic() < until
        workspace.driver.sleep(0.05)

    assert order == ["submit", "results", "results"]
    assert {run.get_status() for run in (first, second)} == {"Completed"}


def test_many_waiting_runs_are_cancelled_too(workspace: Workspace, submit: Callable[[str], Run]) -> None:
    """Of more than a few runs it is asked now and then only whether one is to be cancelled."""
    runs = [submit("600")] + [submit("0") for _ in range(12)]
    for run in runs:
        run.cancel()
    until = time.monotonic() + PATIENCE
    while True:
        states = {run.state for run in workspace.driver.drive([run.id for run in runs]).values()}
        if states == {"Canceled"}:
            return
        assert time.monotonic() < until, states
        workspace.driver.sleep(0.05)


def test_a_monitor_whose_jobs_are_all_watched_does_not_keep_looking(
    workspace: Workspace, submit: Callable[[str], Run]
) -> None:
    bell, run = Bell(workspace.context), submit("600")
    drive_until(workspace.driver, run, lambda record: record.state == "Running")
    begun = time.monotonic()
    workspace.driver.sleep(0.005, bell=bell)
    assert time.monotonic() - begun >= WATCHED_SECONDS
    bell.close()
    run.cancel()
    run.wait_for_completion(raise_on_error=False)


@pytest.mark.parametrize(("ago", "state"), [(0.0, "Queued"), (1.0, "Running"), (-FOR_EVER, "Running")])
def test_a_script_that_has_just_started_is_not_said_to_run(
    workspace: Workspace, submit: Callable[[str], Run], ago: float, state: str
) -> None:
    """Most of those are over a moment later; a clock that jumped back hides none for long."""
    run = submit("600")
    record = workspace.context.store.runs.get("default", run.id)
    assert (record.state, record.handle is not None) == ("Queued", True)
    submitted = changed(record, updated_at=time.time() - ago)
    seen = observe(workspace.driver._step, submitted, JobStatus(state=JobState.RUNNING, native_state="running"))
    assert seen.state == state
    run.cancel()
    run.wait_for_completion(raise_on_error=False)


def test_what_wakes_is_found_once_and_closed_with_the_lease(
    workspace: Workspace, submit: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit("60")
    drive_until(workspace.driver, run, lambda record: record.state == "Running")
    kind, found = type(workspace.context.backends.get("default", "one")), list[tuple[Path, Path]]()
    find = kind.wakers

    def finding(backend: object, handles: Collection[JobHandle]) -> Sequence[int]:
        wakers = find(backend, handles)
        links = [Path(f"/proc/self/fd/{waker}") for waker in wakers]
        found.extend((link, link.readlink()) for link in links)
        return wakers

    monkeypatch.setattr(kind, "wakers", finding)
    for _ in range(3):
        workspace.driver.drive([run.id])
        workspace.driver.sleep(0.01)
    ((link, leads_to),) = found
    assert link.readlink() == leads_to
    run.cancel()
    workspace.driver.release()
    assert not link.is_symlink() or link.readlink() != leads_to
    run.wait_for_completion(raise_on_error=False)


def test_a_job_that_is_watched_is_not_looked_at_again_at_once(
    workspace: Workspace, submit: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit("60")
    drive_until(workspace.driver, run, lambda record: record.state == "Running")
    backend = workspace.context.backends.get("default", "one")
    answer, looks = backend.statuses, list[int]()

    def counting(handles: Collection[JobHandle]) -> object:
        looks.append(len(handles))
        return answer(handles)

    monkeypatch.setattr(backend, "statuses", counting)
    monkeypatch.setattr(driver_module, "WATCHED_SECONDS", FOR_EVER)
    workspace.driver.sleep(0.01)
    for _ in range(3):
        workspace.driver.drive([run.id])
    assert looks == []

    directory = str(backend.target.home / "jobs" / str((run.record.handle or {})["job_id"]))
    runner = lock_holder(directory)
    assert runner is not None
    os.kill(runner[0], signal.SIGKILL)
    drive_until(workspace.driver, run, lambda record: record.state == "Failed")


def test_a_watched_job_that_is_to_be_canceled_is_looked_at(
    workspace: Workspace, submit: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit("60")
    drive_until(workspace.driver, run, lambda record: record.state == "Running")
    monkeypatch.setattr(driver_module, "WATCHED_SECONDS", FOR_EVER)
    workspace.driver.sleep(0.01)
    workspace.driver.drive([run.id])
    run.cancel()
    drive_until(workspace.driver, run, lambda record: record.state == "Canceled")


def test_the_bell_asks_for_runs_that_nobody_holds(
    workspace: Workspace, submit: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor_module, "LOOK_SECONDS", FOR_EVER)
    monkeypatch.setattr(monitor_module, "LOOKING_SHARE", 0)
    first = submit("600")
    workspace.driver.release()
    with closing(Workspace.get("default")) as other:
        runs = other.context.store.runs
        due, found = runs.due, list[Collection[str]]()

        def finding(*arguments: Any) -> Sequence[RunRecord]:
            answer = due(*arguments)
            found.append([run.run_id for run in answer])
            return answer

        monkeypatch.setattr(runs, "due", finding)
        monitor, stop = Monitor(other.context), threading.Event()
        thread = threading.Thread(target=monitor.run, args=(stop,))
        thread.start()
        try:
            wait_until(lambda: runs.get("default", first.id).lease_owner is not None)
            second = submit("0")
            workspace.driver.release()
            wait_until(lambda: runs.get("default", second.id).lease_owner not in (None, workspace.driver.owner))
            first.cancel()
            wait_until(lambda: runs.get("default", second.id).state == "Completed")
        finally:
            stop.set()
            thread.join()
    assert [ids for ids in found if ids] == [[first.id], [second.id]]
