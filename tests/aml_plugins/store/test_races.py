"""Several real processes want the same thing at the same moment; some of them are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import ComputeTargetRecord

_RACER = Path(__file__).with_name("racer.py")
_RACERS = 4


def _start(verb: str, uri: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(_RACER), verb, uri, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _race(verb: str, uri: str, arguments: Sequence[Sequence[str]]) -> list[list[str]]:
    """Let one process an argument list go at once; return the words that each printed."""
    racers = [_start(verb, uri, *own) for own in arguments]
    try:
        for racer in racers:
            if racer.stdout.readline() != "ready\n":
                pytest.fail(racer.stderr.read())
        for racer in racers:
            racer.stdin.write("\n")
            racer.stdin.flush()
        said = [racer.stdout.readline().split() for racer in racers]
        endings = [(racer.communicate(timeout=120)[1], racer.returncode) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    assert endings == [("", 0)] * len(racers)
    return said


@contextmanager
def _killed_later(verb: str, uri: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = _start(verb, uri, *arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_an_empty_database_is_opened_by_several_at_once(store_uri):
    assert _race("open_it", store_uri, [[]] * _RACERS) == [["opened"]] * _RACERS
    store = open_store(store_uri)
    assert store.runs.list("team-a") == []
    store.close()


@pytest.mark.parametrize("statements", [1, 6, 12])
def test_a_migration_that_was_killed_is_done_by_the_next(database_uri, statements):
    with _killed_later("open_and_die", database_uri, str(statements)) as victim:
        assert victim.wait(timeout=60) == -signal.SIGKILL
    store = open_store(database_uri)
    store.compute_targets.add(ComputeTargetRecord(workspace="team-a", name="box", type="local"))
    assert len(store.compute_targets.list("team-a")) == 1
    store.close()


def test_a_lease_goes_to_one(store, new_run):
    runs = [store.runs.add(new_run(lease_owner=None)).run_id for _ in range(30)]
    held = [run_id for own in _race("acquire", store.uri, [runs] * _RACERS) for run_id in own]
    assert sorted(held) == sorted(runs)


def test_a_lease_of_a_living_process_is_kept_and_of_a_killed_one_taken(store, new_run):
    run = store.runs.add(new_run(lease_owner=None))
    me = new_owner()
    with _killed_later("acquire_and_stay", store.uri, run.run_id) as holder:
        assert holder.stdout.readline().strip() == run.run_id
        assert store.runs.acquire([run.run_id], me, 60) == []
        assert store.runs.due(me) == []
        os.kill(holder.pid, signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has reaped it
        assert [due.run_id for due in store.runs.due(me)] == [run.run_id]
        assert store.runs.acquire([run.run_id], me, 60) == [run.run_id]


def test_slots_are_never_given_twice(store):
    store.compute_targets.add(ComputeTargetRecord(workspace="team-a", name="box", type="local"))
    wanted = [["5", *(f"{racer}-{number}" for number in range(10))] for racer in range(_RACERS)]
    claimed = [run_id for own in _race("claim", store.uri, wanted) for run_id in own]
    assert len(claimed) == len(set(claimed)) == 5


def test_drivers_of_one_run_claim_one_slot(store):
    store.compute_targets.add(ComputeTargetRecord(workspace="team-a", name="box", type="local"))
    assert _race("claim", store.uri, [["2", "r1"]] * _RACERS) == [["r1"]] * _RACERS
    assert store.compute_targets.claim_slot("team-a", "box", "r2", 2)
    assert not store.compute_targets.claim_slot("team-a", "box", "r3", 2)


def test_an_idempotency_key_makes_one_run(store):
    keys = [f"dag/task/{number}" for number in range(20)]
    answers = _race("add", store.uri, [keys] * _RACERS)
    assert all(answer == answers[0] for answer in answers)
    runs = store.runs.list("team-a")
    assert Counter(run.idempotency_key for run in runs) == Counter(keys)
    assert all(len(store.tasks.events("team-a", run.run_id)) == 1 for run in runs)


def test_writers_wait_for_each_other(store):
    ids = [own[0] for own in _race("write_a_lot", store.uri, [["50"]] * _RACERS)]
    assert [run.version for run in store.runs.get_many(ids).values()] == [50] * _RACERS
    sequences = [event.sequence for run_id in ids for event in store.tasks.events("team-a", run_id)]
    assert len(set(sequences)) == 51 * _RACERS
