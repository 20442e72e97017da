"""What any store does with leases. Nothing here knows a database."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

from aml_plugins.store.leases import LONGEST_LEASE_SECONDS, host_prefix, new_owner

_TAKEN = 300.0


def _held(store, new_run, **changes):
    return store.runs.add(new_run(**{"lease_until": time.time() + _TAKEN, **changes}))


def _foreign_owner() -> str:
    return "elsewhere/boot/1/2/abc"


def _dead_owner() -> str:
    program = "from aml_plugins.store.leases import new_owner; print(new_owner())"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_a_held_lease_is_refused_and_a_free_one_is_given(store, new_run):
    held = _held(store, new_run, lease_owner=_foreign_owner())
    free = store.runs.add(new_run(lease_owner=None))
    me = new_owner()
    assert store.runs.acquire([held.run_id, free.run_id, "missing"], me, 60) == [free.run_id]
    assert store.runs.get("team-a", held.run_id).lease_owner == _foreign_owner()
    assert store.runs.get("team-a", free.run_id).lease_owner == me


def test_a_lease_lasts_as_long_as_was_asked(store, new_run):
    run = store.runs.add(new_run(lease_owner=None))
    store.runs.acquire([run.run_id], new_owner(), 400)
    until = store.runs.get("team-a", run.run_id).lease_until
    assert 300 < until - time.time() < 500


def test_no_lease_is_longer_than_the_longest(store, new_run):
    first, second = store.runs.add(new_run(lease_owner=None)), _held(store, new_run, lease_until=time.time() + 1e6)
    store.runs.acquire([first.run_id], new_owner(), 80_000)
    for run in (first, second):
        until = store.runs.get("team-a", run.run_id).lease_until
        assert 500 < until - time.time() <= LONGEST_LEASE_SECONDS + 60


def test_an_expired_lease_is_free(store, new_run):
    run = store.runs.add(new_run(lease_owner=_foreign_owner(), lease_until=time.time() - 1))
    me = new_owner()
    assert store.runs.acquire([run.run_id], me, 60) == [run.run_id]
    assert store.runs.get("team-a", run.run_id).lease_owner == me


def test_an_owner_renews(store, new_run, owner):
    run = _held(store, new_run)
    assert store.runs.acquire([run.run_id], owner, 550) == [run.run_id]
    assert store.runs.get("team-a", run.run_id).lease_until > time.time() + 400


def test_acquiring_nothing_is_nothing(store):
    assert store.runs.acquire([], new_owner(), 60) == []


def test_leases_do_not_count_as_writes(store, new_run, owner):
    run = _held(store, new_run)
    store.runs.acquire([run.run_id], owner, 60)
    assert store.runs.save(replace(run, state="Preparing"), owner=owner).version == run.version + 1


def test_a_released_lease_is_free_for_others(store, new_run, owner):
    run = _held(store, new_run)
    store.runs.release([run.run_id], new_owner())
    assert store.runs.get("team-a", run.run_id).lease_owner == owner
    store.runs.release([run.run_id], owner)
    store.runs.release([], owner)
    assert store.runs.get("team-a", run.run_id).lease_owner is None
    assert store.runs.acquire([run.run_id], new_owner(), 60) == [run.run_id]


def test_the_lease_of_a_dead_process_of_this_host_is_taken_over_at_once(store, new_run):
    dead = _dead_owner()
    runs = [_held(store, new_run, lease_owner=dead) for _ in range(2)]
    alive = _held(store, new_run, lease_owner=new_owner())
    me = new_owner()
    assert {run.run_id for run in store.runs.due(me)} == {run.run_id for run in runs}
    ids = [run.run_id for run in (*runs, alive)]
    assert set(store.runs.acquire(ids, me, 60)) == set(ids[:2])


def test_names_with_wildcards_are_no_patterns(store, new_run):
    odd = host_prefix().replace("/", "%", 1) + "0/0/x"
    run = _held(store, new_run, lease_owner=odd)
    assert store.runs.acquire([run.run_id], new_owner(), 60) == []


def test_due_are_the_runs_that_nobody_drives_oldest_first(store, new_run, owner):
    young = store.runs.add(new_run(lease_owner=None, created_at=3.0))
    mine = _held(store, new_run, created_at=2.0)
    old = store.runs.add(new_run(lease_owner=_foreign_owner(), lease_until=time.time() - 1, created_at=1.0))
    _held(store, new_run, lease_owner=_foreign_owner())
    ended = _held(store, new_run)
    store.runs.save(replace(ended, state="Completed"), owner=owner)
    assert [run.run_id for run in store.runs.due(owner)] == [old.run_id, mine.run_id, young.run_id]
    assert [run.run_id for run in store.runs.due(owner, limit=1)] == [old.run_id]


def test_due_can_be_bound_to_a_workspace(store, new_run, owner):
    here = store.runs.add(new_run())
    store.runs.add(new_run(workspace="team-b"))
    assert [run.run_id for run in store.runs.due(owner, workspace="team-a")] == [here.run_id]


def test_a_run_that_comes_back_to_life_is_due_again(store, new_run, owner):
    run = store.runs.add(new_run())
    run = store.runs.save(replace(run, state="Failed"), owner=owner)
    assert store.runs.due(owner) == []
    store.runs.save(replace(run, state="Preparing"), owner=owner)
    assert [due.run_id for due in store.runs.due(owner)] == [run.run_id]
