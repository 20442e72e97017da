"""Versions of images, on every kind of store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from aml_plugins.errors import LeaseLostError, NotFoundError
from aml_plugins.store.interface import Store
from aml_plugins.store.records import ImageRecord

MakeImage = Callable[..., ImageRecord]


@pytest.fixture
def new_image(owner: str) -> MakeImage:
    def make(**changes: object) -> ImageRecord:
        values: dict[str, object] = {
            "workspace": "default",
            "name": "iris",
            "state": "Building",
            "builder": "oci",
            "config": {"script": "score.py"},
            "models": [{"name": "iris", "version": "3", "run_id": None}],
            "lease_owner": owner,
            "lease_until": time.time() + 60,
        }
        return ImageRecord(**{**values, **changes})  # type: ignore[arg-type]

    return make


def test_versions_count_up_within_a_name(store: Store, new_image: MakeImage) -> None:
    versions = [store.images.add(new_image(name=name)).version for name in ("iris", "iris", "other", "iris")]
    assert versions == [1, 2, 1, 3]
    assert store.images.get("default", "iris").version == 3
    assert store.images.get("default", "iris", 2).version == 2


def test_what_was_written_is_read(store: Store, new_image: MakeImage, owner: str) -> None:
    added = store.images.add(new_image(tags={"team": "a"}))
    read = store.images.get("default", "iris", added.version)
    assert (read.config, read.tags, read.state) == ({"script": "score.py"}, {"team": "a"}, "Building")
    assert list(read.models) == [{"name": "iris", "version": "3", "run_id": None}]  # type: ignore[arg-type]
    assert read.lease_owner == owner


def test_they_are_listed_newest_first(store: Store, new_image: MakeImage) -> None:
    for number, name in enumerate(("iris", "other", "iris")):
        store.images.add(new_image(name=name, created_at=1000.0 + number))
    listed = [(image.name, image.version) for image in store.images.list("default")]
    assert listed == [("iris", 2), ("other", 1), ("iris", 1)]
    assert [image.version for image in store.images.list("default", "iris")] == [2, 1]
    assert list(store.images.list("default", "nothing")) == []


def test_only_the_holder_writes_and_only_what_it_read(store: Store, new_image: MakeImage, owner: str) -> None:
    added = store.images.add(new_image())
    done = replace(added, state="Succeeded", digest="sha256:1", result={"layers": 3})
    with pytest.raises(LeaseLostError):
        store.images.save(done, owner="another")
    saved = store.images.save(done, owner=owner)
    assert (saved.state, saved.digest, saved.result, saved.revision) == ("Succeeded", "sha256:1", {"layers": 3}, 1)
    with pytest.raises(LeaseLostError):
        store.images.save(replace(added, state="Failed"), owner=owner)
    assert store.images.get("default", "iris").state == "Succeeded"


def test_a_lease_is_one_drivers_until_it_gives_it_up(store: Store, new_image: MakeImage, owner: str) -> None:
    image = store.images.add(new_image())
    assert not store.images.acquire(image, "another", 60)
    assert store.images.acquire(image, owner, 60)
    store.images.release(image, "another")
    assert not store.images.acquire(image, "another", 60)
    store.images.release(image, owner)
    assert store.images.acquire(image, "another", 60)


def test_what_is_being_built_by_nobody_is_due(store: Store, new_image: MakeImage, owner: str) -> None:
    held = store.images.add(new_image(name="held"))
    store.images.add(new_image(name="left", lease_owner=None, lease_until=None))
    store.images.add(new_image(name="expired", lease_until=time.time() - 1))
    store.images.add(new_image(name="done", state="Succeeded", lease_owner=None, lease_until=None))
    assert {image.name for image in store.images.due("another")} == {"left", "expired"}
    assert {image.name for image in store.images.due(owner)} == {"held", "left", "expired"}
    assert {image.name for image in store.images.due("another", "default")} == {"left", "expired"}
    assert held.state == "Building"


def test_a_removed_version_is_gone(store: Store, new_image: MakeImage) -> None:
    store.images.add(new_image())
    store.images.add(new_image())
    store.images.remove("default", "iris", 1)
    assert [image.version for image in store.images.list("default")] == [2]
    for version in (1, 7):
        with pytest.raises(NotFoundError, match=f"iris:{version}"):
            store.images.get("default", "iris", version)
        with pytest.raises(NotFoundError):
            store.images.remove("default", "iris", version)
