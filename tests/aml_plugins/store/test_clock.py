"""Leases between hosts whose clocks differ: a PostgreSQL server's clock is the only one that counts."""

from __future__ import annotations

import time

import pytest

from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store

_HOUR = 3600.0


@pytest.mark.parametrize("wrong_by", [-_HOUR, _HOUR], ids=["slow", "fast"])
def test_a_wrong_clock_neither_loses_nor_prolongs_a_lease(postgresql_uri, new_run, monkeypatch, wrong_by):
    store = open_store(postgresql_uri)
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + wrong_by)
    added = store.runs.add(new_run(lease_owner="elsewhere/b/1/1/x", lease_until=time.time() + 60))
    acquired = store.runs.add(new_run(lease_owner=None))
    store.runs.acquire([acquired.run_id], "elsewhere/b/1/1/x", 60)
    monkeypatch.undo()
    for run_id in (added.run_id, acquired.run_id):
        assert 30 < store.runs.get("team-a", run_id).lease_until - time.time() < 90
    assert store.runs.acquire([added.run_id, acquired.run_id], new_owner(), 60) == []
    store.close()
