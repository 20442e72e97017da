"""Settings of a workspace that several set at the same time, on every kind of store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aml_plugins.store.settings import settings_of, update_settings


def test_settings_that_are_set_at_the_same_time_are_all_kept(store):
    names = [f"setting-{number}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: update_settings(store, "team-a", {name: {"value": name}}), names))
    found = settings_of(store, "team-a")
    assert {name: found[name]["value"] for name in names} == {name: name for name in names}


def test_nothing_takes_a_setting_out_and_leaves_the_others(store):
    update_settings(store, "team-a", {"one": 1, "two": 2})
    update_settings(store, "team-a", {"one": None, "three": 3})
    found = settings_of(store, "team-a")
    assert (found.get("one"), found["two"], found["three"]) == (None, 2, 3)
