"""When a driver asks for slots, of which it passes those of its own runs on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from aml_plugins import Run, Workspace
from aml_plugins.runs.reconciliation import launch

FOR_EVER = 600.0
PATIENCE = 90.0


@pytest.fixture
def asked(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the store was asked about slots: how, and for which run."""
    targets, seen = workspace.context.store.compute_targets, list[tuple[str, str]]()
    claim, hand_on = targets.claim_slot, targets.pass_slot

    def claiming(workspace: str, name: str, run_id: str, limit: int) -> bool:
        seen.append(("claim", run_id))
        return claim(workspace, name, run_id, limit)

    def passing(ended: str, waiting: str, limit: int) -> bool:
        seen.append(("pass", waiting))
        return hand_on(ended, waiting, limit)

    monkeypatch.setattr(targets, "claim_slot", claiming)
    monkeypatch.setattr(targets, "pass_slot", passing)
    return seen


def rounds_with_a_pass(workspace: Workspace, runs: list[Run], asked: list[tuple[str, str]]) -> list[list[str]]:
    """Drive the runs to their end; return what was asked in each round in which a slot was passed on."""
    ids, rounds = [run.id for run in runs], list[list[str]]()
    until = time.monotonic() + PATIENCE
    while True:
        asked.clear()
        over = all(run.ended_at is not None for run in workspace.driver.drive(ids).values())
        rounds.append([how for how, _ in asked])
        if over:
            return [round_ for round_ in rounds if "pass" in round_]
        assert time.monotonic() < until
        workspace.driver.sleep(0.05)


def test_a_slot_that_is_passed_on_is_the_only_one_for_a_while(
    workspace: Workspace, submit: Callable[[str], Run], asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "CLAIM_SECONDS", FOR_EVER)
    runs = [submit("0") for _ in range(4)]
    assert rounds_with_a_pass(workspace, runs, asked) == [["pass"]] * 3


def test_slots_of_others_are_asked_for_now_and_then_all_the_same(
    workspace: Workspace, submit: Callable[[str], Run], asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that passes on its own all the time would never learn of one that another has freed."""
    monkeypatch.setattr(launch, "CLAIM_SECONDS", 0.0)
    runs = [submit("0") for _ in range(4)]
    assert rounds_with_a_pass(workspace, runs, asked) == [["pass", "claim"]] * 2 + [["pass"]]
