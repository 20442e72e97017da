"""Compute targets that were created, on every kind of store."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from aml_plugins.errors import AlreadyExistsError, InvalidInputError, LeaseLostError, NotFoundError
from aml_plugins.store.interface import Store
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import ComputeTargetRecord, ProvisioningRecord, RunRecord

Add = Callable[..., ProvisioningRecord]
MakeRun = Callable[..., RunRecord]


@pytest.fixture
def add(store: Store, owner: str) -> Add:
    def added(**changes: object) -> ProvisioningRecord:
        values: dict[str, object] = {
            "workspace": "default",
            "name": "pool",
            "operation_id": uuid.uuid4().hex,
            "type": "azure-batch",
            "desired": {"request": 1, "absent": False},
            "lease_owner": owner,
            "lease_until": time.time() + 60,
        }
        record = ProvisioningRecord(**{**values, **changes})  # type: ignore[arg-type]
        target = ComputeTargetRecord(
            workspace=record.workspace, name=record.name, type=record.type, config={"vm_size": "small"}
        )
        return store.provisionings.add(record, target)

    return added


def test_a_creation_and_its_target_are_written_together(store: Store, add: Add) -> None:
    added = add(maker="a task of Airflow")
    assert store.provisionings.find("default", "pool") == added
    assert added.maker == "a task of Airflow"
    assert (added.state, added.settled, added.revision) == ("Creating", False, 0)
    target = store.compute_targets.get("default", "pool")
    assert (target.type, target.config) == ("azure-batch", {"vm_size": "small"})
    with pytest.raises(AlreadyExistsError, match="'pool' exists already"):
        add()
    assert store.provisionings.find("default", "other") is None


def test_a_name_that_is_attached_is_taken(store: Store, add: Add) -> None:
    store.compute_targets.add(ComputeTargetRecord(workspace="default", name="pool", type="local"))
    with pytest.raises(AlreadyExistsError, match="'pool' exists already"):
        add()
    assert store.provisionings.list("default") == []


def test_users_write_what_shall_be_and_the_holder_what_is(store: Store, add: Add, owner: str) -> None:
    added = add()
    with pytest.raises(LeaseLostError):
        store.provisionings.save(replace(added, state="Ready"), owner="another")
    ready = store.provisionings.save(replace(added, state="Ready", settled=True, desired={"request": 9}), owner=owner)
    assert (ready.state, ready.settled, ready.desired["request"], ready.revision) == ("Ready", True, 1, 1)
    with pytest.raises(LeaseLostError):
        store.provisionings.request(added, {"request": 2, "absent": True})
    wanted = store.provisionings.request(ready, {"request": 2, "absent": True})
    assert (wanted.state, wanted.settled, wanted.desired) == ("Ready", False, {"request": 2, "absent": True})


def test_only_what_is_under_way_and_free_is_due(store: Store, add: Add, owner: str) -> None:
    add(name="driven")
    free = add(name="free", lease_owner=None, lease_until=None)
    settled = add(name="settled")
    store.provisionings.save(replace(settled, settled=True), owner=owner)
    assert [one.name for one in store.provisionings.due("another")] == ["free"]
    assert [one.name for one in store.provisionings.due("another", "default")] == ["free"]
    assert store.provisionings.acquire(free, "another", 60)
    assert not store.provisionings.acquire(free, owner, 60)
    store.provisionings.release(free, "another")
    assert store.provisionings.acquire(free, owner, 60)


def test_a_target_goes_with_its_row_and_by_the_holder_alone(store: Store, add: Add, owner: str) -> None:
    added = add()
    with pytest.raises(LeaseLostError):
        store.provisionings.remove(added, owner="another")
    store.provisionings.remove(added, owner=owner)
    assert store.provisionings.find("default", "pool") is None
    with pytest.raises(NotFoundError):
        store.compute_targets.get("default", "pool")
    store.provisionings.release(added, owner)  # as who removed it does at the end
    assert not store.provisionings.acquire(added, owner, 60)


def test_another_target_of_the_name_is_another(store: Store, add: Add, owner: str) -> None:
    old = add()
    store.provisionings.remove(old, owner=owner)
    add()
    with pytest.raises(LeaseLostError):
        store.provisionings.save(replace(old, state="Ready"), owner=owner)
    with pytest.raises(LeaseLostError):
        store.provisionings.remove(old, owner=owner)


def test_a_target_with_runs_stays(store: Store, add: Add, new_run: MakeRun, owner: str) -> None:
    added = add()
    run = store.runs.add(new_run(workspace="default", target="pool"))
    with pytest.raises(InvalidInputError, match=f"has 1 runs that have not ended: {run.run_id}"):
        store.provisionings.request(added, {"request": 2, "absent": True})
    store.runs.save(replace(run, state="Canceled"), owner=owner)
    assert store.provisionings.request(added, {"request": 2, "absent": True}).desired["absent"]


def test_a_target_is_detached_once_it_is_there_and_its_creation_forgotten(store: Store, add: Add, owner: str) -> None:
    added = add()
    with pytest.raises(InvalidInputError, match="is being created or deleted"):
        store.compute_targets.remove("default", "pool")
    store.provisionings.save(replace(added, state="Ready", settled=True), owner=owner)
    store.compute_targets.remove("default", "pool")
    assert store.provisionings.list("default") == []


def test_a_workspace_with_created_targets_is_not_emptied(database_uri: str, owner: str) -> None:
    store = open_store(database_uri)
    target = ComputeTargetRecord(workspace="default", name="pool", type="azure-batch")
    record = ProvisioningRecord(
        workspace="default",
        name="pool",
        operation_id="0" * 32,
        type="azure-batch",
        desired={"request": 1},
        lease_owner=owner,
        lease_until=time.time() + 60,
    )
    added = store.provisionings.add(record, target)
    with pytest.raises(InvalidInputError, match="compute targets that were created here: pool"):
        store.workspaces.empty("default")
    store.provisionings.remove(added, owner=owner)
    store.workspaces.empty("default")
    store.close()
