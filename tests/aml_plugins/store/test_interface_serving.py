"""Images and services in every store: versions, leases, compare-and-set."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from aml_plugins.errors import AlreadyExistsError, LeaseLostError, NotFoundError
from aml_plugins.store.leases import new_owner
from aml_plugins.store.records import ImageRecord, ServiceRecord


def image(**changes: object) -> ImageRecord:
    values: dict = {
        "workspace": "team-a",
        "name": "iris",
        "state": "Building",
        "builder": "oci",
        "config": {"a": [1, None]},
    }
    return ImageRecord(**(values | changes))


def service(**changes: object) -> ServiceRecord:
    values: dict = {
        "workspace": "team-a",
        "name": "iris",
        "service_id": "ab" * 16,
        "type": "local",
        "state": "Transitioning",
        "desired": {"generation": 1},
    }
    return ServiceRecord(**(values | changes))


def test_versions_count_up_within_a_name(store):
    assert [store.images.add(image(name=name)).version for name in ("iris", "iris", "other", "iris")] == [1, 2, 1, 3]
    assert store.images.get("team-a", "iris").version == 3
    assert store.images.get("team-a", "iris", 2).config == {"a": [1, None]}
    assert [(one.name, one.version) for one in store.images.list("team-a", "iris")] == [
        ("iris", 3),
        ("iris", 2),
        ("iris", 1),
    ]
    assert len(store.images.list("team-a")) == 4
    assert store.images.list("team-b") == []
    with pytest.raises(NotFoundError, match="'iris:9'"):
        store.images.get("team-a", "iris", 9)


def test_two_that_add_at_the_same_moment_get_two_versions(store):
    found = []
    threads = [threading.Thread(target=lambda: found.append(store.images.add(image()).version)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [1, 2, 3, 4]


def test_only_the_lease_s_holder_writes_an_image(store, owner):
    added = store.images.add(image())
    with pytest.raises(LeaseLostError):
        store.images.save(replace(added, state="Failed"), owner=owner)
    assert store.images.acquire(added, owner, 60)
    assert not store.images.acquire(added, new_owner(), 60)
    saved = store.images.save(replace(added, state="Succeeded", digest="sha256:00"), owner=owner)
    assert (saved.state, saved.revision, saved.lease_owner) == ("Succeeded", added.revision + 1, owner)
    with pytest.raises(LeaseLostError):  # of an older revision
        store.images.save(replace(added, state="Failed"), owner=owner)
    store.images.release(added, owner)
    assert store.images.acquire(added, new_owner(), 60)


def test_what_is_being_built_by_nobody_is_due(store, owner):
    first, second = store.images.add(image()), store.images.add(image(name="b", state="Succeeded"))
    assert [one.name for one in store.images.due(owner)] == ["iris"]
    store.images.acquire(first, new_owner(), 60)
    assert store.images.due(owner) == []
    store.images.remove("team-a", second.name, second.version)
    with pytest.raises(NotFoundError):
        store.images.remove("team-a", second.name, second.version)


def test_a_dead_owner_s_lease_is_free(store, owner):
    dead = owner.split("/")
    dead[2] = "4194000"  # beyond the highest process id
    added = store.images.add(image())
    assert store.images.acquire(added, "/".join(dead), 600)
    assert [one.name for one in store.images.due(owner)] == ["iris"]
    assert store.images.acquire(added, owner, 60)


def test_wishes_need_no_lease_and_are_kept_by_who_has_it(store, owner):
    added = store.services.add(service())
    assert store.services.acquire(added, owner, 60)
    wished = store.services.request(added, {"generation": 2})
    with pytest.raises(LeaseLostError):  # written before the wish was seen
        store.services.save(replace(added, state="Healthy"), owner=owner)
    saved = store.services.save(replace(wished, state="Healthy", desired={"generation": 99}), owner=owner)
    assert (saved.state, saved.desired) == ("Healthy", {"generation": 2})
    with pytest.raises(LeaseLostError):
        store.services.request(added, {"generation": 3})


def test_names_of_services_are_taken_once(store, owner):
    added = store.services.add(service())
    with pytest.raises(AlreadyExistsError, match="aml service update iris"):
        store.services.add(service(service_id="cd" * 16))
    assert [one.name for one in store.services.due(owner)] == ["iris"]
    with pytest.raises(LeaseLostError):
        store.services.remove(added, owner=owner)
    store.services.acquire(added, owner, 60)
    store.services.remove(added, owner=owner)
    assert store.services.list() == []
    with pytest.raises(NotFoundError, match="no service 'iris'"):
        store.services.get("team-a", "iris")
