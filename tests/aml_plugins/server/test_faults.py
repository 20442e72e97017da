"""Servers that are killed in the middle, and two of them on one database."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from services.aml_server import running_aml_server
from services.run_records import new_run

from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import ComputeTargetRecord
from aml_plugins.testing.waiting import wait_until

RUNS = 40


@pytest.fixture
def killable(tmp_path, migrated_database):
    with running_aml_server(tmp_path / "killable", database=migrated_database) as server:
        yield server


def test_a_killed_server_loses_nothing_and_does_nothing_twice(killable):
    """Clients go on by themselves: each request is repeated under its key until a server answers."""
    stores = [open_store(killable.url.replace("127.0.0.1", host)) for host in ("127.0.0.1", "localhost")]
    owner, done, problems = new_owner(), [], []

    def submit(store):
        try:
            for _ in range(RUNS):
                run = store.runs.add(new_run(lease_owner=owner), message="Submitted.")
                for step in range(3):
                    run = store.runs.save(replace(run, cursors={"log": step}), owner=owner, message=f"Step {step}.")
                done.append(run)
        except Exception as error:  # noqa: BLE001  shown by the assertion
            problems.append(error)

    workers = [threading.Thread(target=submit, args=(store,)) for store in stores]
    for worker in workers:
        worker.start()
    wait_until(lambda: len(done) >= RUNS // 2 or problems)
    killable.kill()
    killable.start(wait=False)
    for worker in workers:
        worker.join()
    assert problems == []
    stored = {run.run_id: run for run in stores[0].runs.list("default", limit=1000)}
    assert stored == {run.run_id: run for run in done}
    assert len(stored) == 2 * RUNS
    for run in stored.values():
        events = stores[0].tasks.events("default", run.run_id)
        assert [event.message for event in events] == ["Submitted.", "Step 0.", "Step 1.", "Step 2."]


@pytest.fixture(scope="module")
def pair(tmp_path_factory, postgresql, migrated_statements):
    """Two servers on one PostgreSQL database."""
    name, directory = postgresql.load(migrated_statements), tmp_path_factory.mktemp("pair")
    uri = f"aml+{postgresql.uri(name)}"
    with (
        running_aml_server(directory / "one", store_uri=uri) as one,
        running_aml_server(directory / "two", store_uri=uri) as two,
    ):
        yield one, two
    postgresql.drop_database(name)


@pytest.mark.xdist_group("two-servers")
def test_two_servers_on_one_database_are_one(pair):
    stores = [open_store(server.url) for server in pair]
    keys = [f"dag/{number}" for number in range(10)]
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda store: [submit(store, key) for key in keys], stores * 2))
    assert all(ids == added[0] for ids in added)
    pairs = [(store, new_owner()) for store in stores * 2]
    with ThreadPoolExecutor(4) as pool:
        held = list(pool.map(lambda pair: pair[0].runs.acquire(added[0], pair[1], 60), pairs))
    assert sorted(run_id for some in held for run_id in some) == sorted(added[0])
    stores[0].compute_targets.add(ComputeTargetRecord(workspace="default", name="box", type="local"))
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda number: claim(stores[number % 2], f"r{number}"), range(12)))
    assert sum(claims) == 3


def submit(store, key):
    return store.runs.add(new_run(idempotency_key=key, lease_owner=None)).run_id


def claim(store, run_id):
    return store.compute_targets.claim_slot("default", "box", run_id, 3)


@pytest.mark.xdist_group("two-servers")
def test_zero_characters_are_the_callers_mistake_on_postgresql_too(pair):
    server, _ = pair
    for path in ("tasks/a%00b", "runs?experiment=%00", "compute-targets/%00"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.url}/api/2.0/aml/workspaces/default/{path}", timeout=30)
        assert caught.value.code == 400
    run = open_store(server.url).runs.add(new_run(script="a\0b\ud800", config={"nul": "\0"}))
    assert run.config == {"nul": "\0"}
