"""What only a server shows: a clock of its own, and writers that lock row by row."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import SnapshotRecord

_HOUR = 3600.0


@pytest.fixture
def store(postgresql_uri):
    opened = open_store(postgresql_uri)
    yield opened
    opened.close()


@pytest.mark.parametrize("wrong_by", [-_HOUR, _HOUR], ids=["slow", "fast"])
def test_a_wrong_clock_neither_loses_nor_prolongs_a_lease(store, postgresql_uri, new_run, monkeypatch, wrong_by):
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + wrong_by)
    elsewhere = open_store(postgresql_uri)
    added = elsewhere.runs.add(new_run(lease_owner="elsewhere/b/1/1/x", lease_until=time.time() + 60))
    acquired = elsewhere.runs.add(new_run(lease_owner=None))
    elsewhere.runs.acquire([acquired.run_id], "elsewhere/b/1/1/x", 60)
    elsewhere.close()
    monkeypatch.undo()
    for run_id in (added.run_id, acquired.run_id):
        assert 30 < store.runs.get("team-a", run_id).lease_until - time.time() < 90
    assert store.runs.acquire([added.run_id, acquired.run_id], new_owner(), 60) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda runs, ids: runs.acquire(ids, new_owner(), 60),
        lambda runs, ids: runs.mark_released(ids, released=True),
    ],
    ids=["acquire", "mark_released"],
)
def test_several_rows_are_locked_in_the_order_of_their_keys(store, postgresql_uri, new_run, write):
    # In the table the later key lies first, which is the order of a statement that does not care.
    later, earlier = (store.runs.add(new_run(run_id=key * 32, lease_owner=None)).run_id for key in "ba")
    with psycopg.connect(postgresql_uri) as other:
        other.execute("SELECT 1 FROM aml_runs WHERE run_id = %s FOR UPDATE", [earlier])
        writer = threading.Thread(target=write, args=(store.runs, [later, earlier]))
        writer.start()
        while not other.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone():
            other.execute("SELECT pg_sleep(0.01)")
        # Would fail if the writer, who waits for the earlier key, held the later one already.
        other.execute("SELECT 1 FROM aml_runs WHERE run_id = %s FOR UPDATE NOWAIT", [later])
    writer.join(timeout=60)
    assert not writer.is_alive()


def test_a_snapshot_stays_that_a_run_names_whose_row_is_on_its_way(store, postgresql_uri, new_run):
    named = store.snapshots.put(
        SnapshotRecord(workspace="team-a", digest="ef" * 32, datastore="x", path="x", size=1, files=1)
    )
    run = store.runs.add(new_run(lease_owner=None))
    removed = []
    with psycopg.connect(postgresql_uri) as other:
        other.execute("UPDATE aml_runs SET snapshot_digest = %s WHERE run_id = %s", [named.digest, run.run_id])
        remover = threading.Thread(target=lambda: removed.append(store.snapshots.remove("team-a", named.digest)))
        remover.start()
        while not other.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone():
            assert remover.is_alive()  # else it did not wait
            other.execute("SELECT pg_sleep(0.01)")
    remover.join(timeout=60)
    assert removed == [False]
    assert store.snapshots.find("team-a", named.digest) == named
