"""Services, on every kind of store."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from aml_plugins.errors import AlreadyExistsError, LeaseLostError, NotFoundError
from aml_plugins.store.interface import Store
from aml_plugins.store.records import ServiceRecord

MakeService = Callable[..., ServiceRecord]


@pytest.fixture
def new_service(owner: str) -> MakeService:
    def make(**changes: object) -> ServiceRecord:
        values: dict[str, object] = {
            "workspace": "default",
            "name": "iris",
            "service_id": uuid.uuid4().hex,
            "type": "local",
            "state": "Transitioning",
            "desired": {"generation": 1, "image": "iris:1"},
            "deployments": [],
            "lease_owner": owner,
            "lease_until": time.time() + 60,
        }
        return ServiceRecord(**{**values, **changes})  # type: ignore[arg-type]

    return make


def test_what_was_written_is_read(store: Store, new_service: MakeService) -> None:
    added = store.services.add(new_service(tags={"team": "a"}))
    read = store.services.get("default", "iris")
    assert read == added
    assert (read.desired, read.tags, read.revision) == ({"generation": 1, "image": "iris:1"}, {"team": "a"}, 0)


def test_a_name_is_taken_once(store: Store, new_service: MakeService) -> None:
    first = store.services.add(new_service())
    with pytest.raises(AlreadyExistsError, match="'iris' exists already"):
        store.services.add(new_service())
    assert store.services.get("default", "iris").service_id == first.service_id


def test_they_are_listed_by_name(store: Store, new_service: MakeService) -> None:
    for name in ("b", "a"):
        store.services.add(new_service(name=name))
    assert [service.name for service in store.services.list("default")] == ["a", "b"]
    assert [service.name for service in store.services.list()] == ["a", "b"]


def test_users_write_what_it_shall_be_and_the_holder_what_it_is(
    store: Store, new_service: MakeService, owner: str
) -> None:
    added = store.services.add(new_service())
    wanted = store.services.request(added, {"generation": 2, "image": "iris:2"})
    assert (wanted.desired["image"], wanted.state, wanted.revision) == ("iris:2", "Transitioning", 1)
    with pytest.raises(LeaseLostError):
        store.services.request(added, {"generation": 2, "image": "iris:3"})
    changed = replace(wanted, state="Healthy", deployments=[{"image": "iris:2"}], desired={"generation": 9})
    with pytest.raises(LeaseLostError):
        store.services.save(changed, owner="another")
    saved = store.services.save(changed, owner=owner)
    assert (saved.state, saved.desired["generation"], saved.revision) == ("Healthy", 2, 2)
    assert list(saved.deployments) == [{"image": "iris:2"}]  # type: ignore[arg-type]


def test_a_lease_is_one_drivers_until_it_gives_it_up(store: Store, new_service: MakeService, owner: str) -> None:
    service = store.services.add(new_service())
    assert not store.services.acquire(service, "another", 60)
    assert store.services.acquire(service, owner, 60)
    store.services.release(service, owner)
    assert store.services.acquire(service, "another", 60)


def test_the_longest_unwatched_is_due_first(store: Store, new_service: MakeService, owner: str) -> None:
    free = {"lease_owner": None, "lease_until": None}
    store.services.add(new_service(name="new", looked_at=200.0, **free))
    store.services.add(new_service(name="old", looked_at=100.0, **free))
    store.services.add(new_service(name="held"))
    assert [service.name for service in store.services.due("another")] == ["old", "new"]
    assert [service.name for service in store.services.due("another", "default")] == ["old", "new"]
    assert {service.name for service in store.services.due(owner)} == {"old", "new", "held"}


def test_only_the_holder_removes_it(store: Store, new_service: MakeService, owner: str) -> None:
    service = store.services.add(new_service())
    with pytest.raises(LeaseLostError):
        store.services.remove(service, owner="another")
    store.services.remove(service, owner=owner)
    with pytest.raises(NotFoundError, match="There is no service 'iris'"):
        store.services.get("default", "iris")
    store.services.release(service, owner)  # as who removed it does at the end
    assert not store.services.acquire(service, owner, 60)


def test_a_successor_under_the_same_name_is_another_service(store: Store, new_service: MakeService, owner: str) -> None:
    first = store.services.add(new_service())
    store.services.remove(first, owner=owner)
    second = store.services.add(new_service())
    with pytest.raises(LeaseLostError):
        store.services.save(replace(first, state="Failed"), owner=owner)
    assert store.services.get("default", "iris") == second
