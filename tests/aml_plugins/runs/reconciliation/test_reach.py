"""When a run on somebody's own machine may be driven by others: no clock's jump decides it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aml_plugins.compute import sightings
from aml_plugins.compute.sightings import Sightings
from aml_plugins.context import Context, open_context
from aml_plugins.runs.reconciliation.reach import ABANDONED_SECONDS, is_within_reach
from aml_plugins.store.records import RunRecord
from aml_plugins.testing.fake_clock import FakeClock

DAY = 86_400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def context(aml_home, clock: FakeClock) -> Iterator[Context]:
    opened = open_context()
    object.__setattr__(opened, "sightings", Sightings(clock.monotonic))
    yield opened
    opened.close()


def elsewhere(**changes: object) -> RunRecord:
    """A run of a machine that is not this one, of a day ago by its own clock."""
    values: dict = {"workspace": "default", "run_id": uuid.uuid4().hex, "experiment_id": "1", "experiment_name": "iris"}
    values |= {"target": "local", "target_type": "local", "state": "Running", "script": "train.py", "config": {}}
    values |= {"source": {"home": "another"}, "updated_at": time.time() - DAY}
    return RunRecord(**(values | changes))


def test_a_time_that_another_machine_wrote_abandons_no_run(context: Context) -> None:
    for run in (elsewhere(), elsewhere(lease_owner="x", lease_until=time.time() - DAY)):
        assert not is_within_reach(context, run)
        assert not is_within_reach(context, run)


def test_a_run_that_was_seen_without_a_driver_for_long_is_everybodys(context: Context, clock: FakeClock) -> None:
    run = elsewhere()
    assert not is_within_reach(context, run)
    clock.advance(ABANDONED_SECONDS - 1)
    assert not is_within_reach(context, run)
    clock.advance(1)
    assert is_within_reach(context, run)


def test_whoever_drove_it_meanwhile_has_it_for_as_long_again(context: Context, clock: FakeClock) -> None:
    run = elsewhere()
    assert not is_within_reach(context, run)
    clock.advance(ABANDONED_SECONDS)
    assert not is_within_reach(context, replace(run, version=run.version + 1))
    clock.advance(ABANDONED_SECONDS)
    assert is_within_reach(context, replace(run, version=run.version + 1))


def test_things_remembered_are_bounded(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "MOST", 2)
    seen = Sightings(clock.monotonic)
    assert [seen.seconds(thing) for thing in "abc"] == [0.0, 0.0, 0.0]
    clock.advance(5)
    assert (seen.seconds("c"), seen.seconds("b"), seen.seconds("a")) == (5.0, 5.0, 0.0)
    seen.forget("c")
    assert seen.seconds("c") == 0.0
