"""A compute target that does not answer: people are told, and a run that is to be canceled does not wait for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.errors import TransientBackendError
from aml_plugins.runs.reconciliation import driver as driving
from aml_plugins.runs.reconciliation import trouble
from aml_plugins.testing.jobs import wait_until

AWAY = "The machine 'far' cannot be reached: it does not answer. Check that it runs."


@pytest.fixture
def workspace(aml_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(driving, "RETRY_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(driving, "TELL_SECONDS", 0.0)
    opened = Workspace.get("default")
    opened.attach_compute("local", "far", max_parallel_runs=1)
    yield opened
    opened.close()


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path) -> Run:
    source = tmp_path / "src"
    source.mkdir()
    (source / "script.py").write_text("import time; time.sleep(600)\n")
    config = ScriptRunConfig(source, script="script.py", compute_target="far")
    submitted = Experiment(workspace, "trouble").submit(config)
    wait_until(lambda: submitted.status == "Running")
    return submitted


@pytest.fixture
def away(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Take the target off the network; undo what this yields to bring it back."""

    def silent(*_: object) -> None:
        what, _, fix = AWAY.partition(". ")
        raise TransientBackendError(f"{what}.", fix)

    backend = workspace.context.backends.get("default", "far")
    with monkeypatch.context() as patch:
        for call in ("statuses", "find", "cancel", "fetch", "cleanup"):
            patch.setattr(backend, call, silent)
        yield patch


def reason(run: Run) -> str | None:
    return str(said) if (said := run.get_details()["reason"]) else None


def test_why_a_run_does_not_go_on_is_told_once_and_taken_back(
    workspace: Workspace, run: Run, away: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: reason(run) == AWAY)
    for _ in range(5):
        workspace.driver.sleep(0.02)
        assert reason(run) == AWAY
    away.undo()
    wait_until(lambda: reason(run) is None)
    told = [event.message for event in run.events(follow=False)]
    assert told.count(AWAY) == 1
    assert told[-1] == "The compute target 'far' answers again."
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Canceled"


def test_a_clock_that_jumps_gives_up_no_target(
    workspace: Workspace, run: Run, away: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.cancel()
    wait_until(lambda: reason(run) == AWAY)
    with monkeypatch.context() as jumped:
        now = time.time() + 10 * trouble.GIVE_UP_SECONDS
        jumped.setattr(trouble, "time", SimpleNamespace(time=lambda: now))
        for _ in range(5):
            workspace.driver.sleep(0.02)
            assert reason(run) == AWAY
    away.undo()
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Canceled"


def test_a_run_whose_target_never_comes_back_can_be_canceled(
    workspace: Workspace, run: Run, away: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.cancel()
    wait_until(lambda: run.status == "Running" and reason(run) == AWAY)
    monkeypatch.setattr(trouble, "GIVE_UP_SECONDS", 0.0)
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Canceled"
    assert AWAY in str(reason(run))
    assert "aml compute gc far" in str(reason(run))
    away.undo()
    backend = workspace.context.backends.get("default", "far")
    left = list(backend.list_jobs())
    assert len(left) == 1, "what went on there is an orphan now"
    backend.cancel(left[0])
    wait_until(lambda: backend.status(left[0]).state.is_terminal)
    backend.cleanup(left[0])
    workspace.detach_compute("far")
