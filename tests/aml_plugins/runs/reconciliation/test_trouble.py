"""A compute target that does not answer: people are told, and a run that is to be canceled does not wait for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.cli.progress import told_once
from aml_plugins.errors import TransientBackendError
from aml_plugins.runs.reconciliation import driver as driving
from aml_plugins.runs.reconciliation import trouble
from aml_plugins.testing.jobs import wait_until

NO_ANSWER = "No answer from compute target 'far' since "
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


def is_away(run: Run) -> bool:
    said = reason(run) or ""
    return said.startswith(NO_ANSWER) and said.endswith(f": {AWAY}")


def test_who_waits_is_told_once_that_the_target_is_away_and_once_that_it_is_back(
    run: Run, away: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = told_once()
    lines = []
    wait_until(lambda: run.get_status() == "Running" and is_away(run))
    for words in ("", " It may be off."):
        assert run.record is not None
        cursors = {**run.record.cursors, "trouble": {**run.record.cursors["trouble"], "said": AWAY + words}}
        changes(replace(run.record, cursors=cursors))
        lines.append(capsys.readouterr().err)
    away.undo()
    wait_until(lambda: reason(run) is None)
    assert run.record is not None
    changes(run.record)
    lines.append(capsys.readouterr().err)
    assert lines[0].startswith(NO_ANSWER)
    assert lines[1:] == ["", "The compute target 'far' answers again.\n"]
    run.cancel()
    run.wait_for_completion(raise_on_error=False)


def test_why_a_run_does_not_go_on_is_told_once_and_taken_back(
    workspace: Workspace, run: Run, away: pytest.MonkeyPatch
) -> None:
    begun = time.time()
    wait_until(lambda: is_away(run))
    first = reason(run)
    for _ in range(5):
        workspace.driver.sleep(0.02)
        assert reason(run) == first
    since = datetime.strptime(str(first)[len(NO_ANSWER) :][:23], "%Y-%m-%d %H:%M:%S %Z").replace(tzinfo=UTC)
    assert begun - 1 <= since.timestamp() <= time.time()
    away.undo()
    wait_until(lambda: reason(run) is None)
    told = [event.message for event in run.events(follow=False)]
    assert told.count(first) == 1
    assert told[-1] == "The compute target 'far' answers again."
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Canceled"


def test_a_clock_that_jumps_gives_up_no_target(
    workspace: Workspace, run: Run, away: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.cancel()
    wait_until(lambda: is_away(run))
    with monkeypatch.context() as jumped:
        now = time.time() + 10 * trouble.GIVE_UP_SECONDS
        jumped.setattr(trouble, "time", SimpleNamespace(time=lambda: now))
        for _ in range(5):
            workspace.driver.sleep(0.02)
            assert is_away(run)
    away.undo()
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Canceled"


def test_a_run_whose_target_never_comes_back_can_be_canceled(
    workspace: Workspace, run: Run, away: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.cancel()
    wait_until(lambda: run.status == "Running" and is_away(run))
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
