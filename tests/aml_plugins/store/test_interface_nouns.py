"""What any store does with workspaces, compute targets, datastores, snapshots and tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import (
    ComputeTargetRecord,
    DatastoreRecord,
    SnapshotRecord,
    TaskRecord,
    WorkspaceRecord,
)

_BOX = ComputeTargetRecord(workspace="team-a", name="box", type="local", config={"slots": 2})
_FILES = DatastoreRecord(workspace="team-a", name="files", type="directory", config={"path": "/d"})
_SNAPSHOT = SnapshotRecord(workspace="team-a", digest="ab" * 32, datastore="files", path="s/ab.zip", size=9, files=2)
_BUILD = TaskRecord(workspace="team-a", task_id="env-1", kind="environment", subject="1", state="Running")


def test_workspaces_are_kept(store):
    added = store.workspaces.add(WorkspaceRecord(name="team-b", settings={"default_datastore": "files"}))
    store.workspaces.add(WorkspaceRecord(name="team-a"))
    assert added.created_at > 0
    assert store.workspaces.get("team-b") == added
    assert [record.name for record in store.workspaces.list()] == ["team-a", "team-b"]
    assert store.workspaces.find("team-c") is None


def test_a_workspace_is_added_once_and_changed_by_saving(store):
    added = store.workspaces.add(WorkspaceRecord(name="team-a"))
    with pytest.raises(AlreadyExistsError, match="team-a"):
        store.workspaces.add(WorkspaceRecord(name="team-a", settings={"x": 1}))
    saved = store.workspaces.save(replace(added, settings={"x": 2}, created_at=1.0))
    assert saved == replace(added, settings={"x": 2}) == store.workspaces.get("team-a")


@pytest.mark.parametrize("verb", ["get", "remove", "save"])
def test_a_missing_workspace_is_named(store, verb):
    argument = WorkspaceRecord(name="nowhere") if verb == "save" else "nowhere"
    with pytest.raises(NotFoundError, match="nowhere"):
        getattr(store.workspaces, verb)(argument)


def test_a_removed_workspace_leaves_nothing_to_its_successor(store):
    store.workspaces.add(WorkspaceRecord(name="team-a"))
    store.compute_targets.add(_BOX)
    store.datastores.add(_FILES)
    store.workspaces.remove("team-a")
    assert store.workspaces.find("team-a") is None
    assert store.compute_targets.list("team-a") == []
    assert store.datastores.list("team-a") == []


def test_a_workspace_with_living_runs_stays(store, new_run):
    store.workspaces.add(WorkspaceRecord(name="team-a"))
    run = store.runs.add(new_run())
    with pytest.raises(InvalidInputError, match=run.run_id):
        store.workspaces.remove("team-a")
    assert store.workspaces.find("team-a") is not None


def test_compute_targets_are_kept_by_workspace(store):
    added = store.compute_targets.add(_BOX)
    store.compute_targets.add(replace(_BOX, workspace="team-b"))
    assert store.compute_targets.get("team-a", "box") == added
    assert store.compute_targets.list("team-a") == [added]
    with pytest.raises(AlreadyExistsError, match="box"):
        store.compute_targets.add(_BOX)
    saved = store.compute_targets.save(replace(_BOX, config={"slots": 3}))
    assert saved == replace(added, config={"slots": 3})


def test_a_detached_target_is_gone(store):
    store.compute_targets.add(_BOX)
    store.compute_targets.claim_slot("team-a", "box", "r1", 1)
    store.compute_targets.remove("team-a", "box")
    for verb in (store.compute_targets.get, store.compute_targets.remove):
        with pytest.raises(NotFoundError, match="box"):
            verb("team-a", "box")
    with pytest.raises(NotFoundError, match="box"):
        store.compute_targets.save(_BOX)


def test_a_target_with_living_runs_is_not_detached(store, new_run, owner):
    store.compute_targets.add(_BOX)
    run = store.runs.add(new_run(target="box"))
    with pytest.raises(InvalidInputError, match=run.run_id):
        store.compute_targets.remove("team-a", "box")
    store.runs.save(replace(run, state="Canceled"), owner=owner)
    store.compute_targets.remove("team-a", "box")


def test_slots_are_bounded_and_come_back(store):
    store.compute_targets.add(_BOX)
    claim = store.compute_targets.claim_slot
    assert claim("team-a", "box", "r1", 2)
    assert claim("team-a", "box", "r2", 2)
    assert not claim("team-a", "box", "r3", 2)
    assert claim("team-a", "box", "r1", 2)
    store.compute_targets.release_slot("r1")
    store.compute_targets.release_slot("never had one")
    assert claim("team-a", "box", "r3", 2)
    assert not claim("team-a", "box", "r1", 2)


def test_a_lowered_limit_counts_the_slots_that_are_held(store):
    store.compute_targets.add(_BOX)
    for number in range(4):
        assert store.compute_targets.claim_slot("team-a", "box", f"r{number}", 4)
    store.compute_targets.release_slot("r0")
    assert not store.compute_targets.claim_slot("team-a", "box", "new", 2)
    store.compute_targets.release_slot("r1")
    store.compute_targets.release_slot("r2")
    assert store.compute_targets.claim_slot("team-a", "box", "new", 2)


def test_a_slot_passes_from_a_run_whose_job_ended_to_one_that_waits(database_uri):
    targets = open_store(database_uri).compute_targets
    targets.add(_BOX)
    for number in range(3):
        assert targets.claim_slot("team-a", "box", f"r{number}", 3)
    assert targets.pass_slot("r0", "waiting", 3)
    assert not targets.claim_slot("team-a", "box", "r0", 3)
    assert targets.claim_slot("team-a", "box", "waiting", 3)
    assert not targets.pass_slot("r0", "another", 3)  # it has none any more
    assert not targets.pass_slot("r1", "waiting", 3)  # it has one
    assert not targets.pass_slot("r1", "another", 2)  # the limit was lowered


def test_where_no_slot_can_be_passed_it_is_freed_and_claimed(store):
    store.compute_targets.add(_BOX)
    assert not store.compute_targets.pass_slot("never had one", "waiting", 1)
    assert store.compute_targets.claim_slot("team-a", "box", "waiting", 1)


def test_the_slot_of_a_run_that_ended_is_not_lost(store, new_run, owner):
    store.compute_targets.add(_BOX)
    run = store.runs.add(new_run())
    assert store.compute_targets.claim_slot("team-a", "box", run.run_id, 1)
    assert not store.compute_targets.claim_slot("team-a", "box", "next", 1)
    store.runs.save(replace(run, state="Completed"), owner=owner)  # and here the driver is killed
    assert store.compute_targets.claim_slot("team-a", "box", "next", 1)


def test_a_slot_of_a_missing_target_is_refused(store):
    with pytest.raises(NotFoundError, match="box"):
        store.compute_targets.claim_slot("team-a", "box", "r1", 1)


def test_datastores_are_kept(store):
    added = store.datastores.add(_FILES)
    assert store.datastores.get("team-a", "files") == added
    with pytest.raises(AlreadyExistsError, match="files"):
        store.datastores.add(_FILES)
    store.datastores.remove("team-a", "files")
    assert store.datastores.list("team-a") == []
    for verb in (store.datastores.get, store.datastores.remove):
        with pytest.raises(NotFoundError, match="files"):
            verb("team-a", "files")


def test_a_snapshot_is_put_once(store):
    first = store.snapshots.put(_SNAPSHOT)
    assert store.snapshots.put(replace(_SNAPSHOT, path="elsewhere")) == first
    assert store.snapshots.find("team-a", _SNAPSHOT.digest) == first
    assert store.snapshots.find("team-b", _SNAPSHOT.digest) is None


def test_a_snapshot_goes_when_no_living_run_names_it(store, new_run):
    snapshot = store.snapshots.put(_SNAPSHOT)
    run = store.runs.add(new_run(snapshot_digest=snapshot.digest))
    other = store.snapshots.put(replace(_SNAPSHOT, workspace="team-b"))
    assert store.snapshots.unreferenced() == [other]
    assert store.snapshots.unreferenced("team-a") == []
    assert not store.snapshots.remove("team-a", snapshot.digest)
    store.runs.mark_released([run.run_id], released=True)
    assert store.snapshots.unreferenced("team-a") == [snapshot]
    assert store.snapshots.remove("team-a", snapshot.digest)
    assert not store.snapshots.remove("team-a", snapshot.digest)


def test_a_task_is_inserted_then_updated(store):
    first = store.tasks.put(_BUILD, message="Solving.")
    second = store.tasks.put(replace(_BUILD, progress=0.5), message="")
    done = store.tasks.put(replace(_BUILD, state="Completed", progress=1.0, result={"path": "/e"}), message="Built.")
    assert store.tasks.get("team-a", "env-1") == done
    assert done.created_at == first.created_at
    events = store.tasks.events("team-a", "env-1")
    assert [(event.old, event.new, event.progress, event.message) for event in events] == [
        (None, "Running", None, "Solving."),
        (None, None, 0.5, ""),
        ("Running", "Completed", 1.0, "Built."),
    ]
    assert (second.progress, second.message) == (0.5, "Solving.")


def test_a_task_keeps_what_is_not_given_and_never_goes_back(store):
    store.tasks.put(replace(_BUILD, progress=0.5, result={"path": "/e"}), message="Solving.")
    told = store.tasks.put(replace(_BUILD, progress=0.2))
    assert (told.progress, told.result, told.message) == (0.5, {"path": "/e"}, "Solving.")
    assert store.tasks.put(replace(_BUILD, state="Queued", progress=0.0), message="Asked for.") == told
    failed = store.tasks.put(replace(_BUILD, state="Failed"))
    assert (failed.progress, failed.result) == (0.5, {"path": "/e"})
    anew = store.tasks.put(replace(_BUILD, progress=0.1))
    assert (anew.progress, anew.result, anew.created_at) == (0.1, None, failed.created_at)


def test_a_task_that_did_not_change_says_nothing(store):
    store.tasks.put(_BUILD)
    store.tasks.put(_BUILD)
    assert len(store.tasks.events("team-a", "env-1")) == 1


def test_the_same_task_id_in_two_workspaces_is_two_tasks(store):
    store.tasks.put(_BUILD)
    store.tasks.put(replace(_BUILD, workspace="team-b", state="Failed"))
    assert store.tasks.get("team-a", "env-1").state == "Running"
    with pytest.raises(NotFoundError, match="env-2"):
        store.tasks.get("team-a", "env-2")


def test_tasks_are_chosen_by_subject_and_activity(store):
    old = store.tasks.put(replace(_BUILD, created_at=1.0))
    done = store.tasks.put(replace(_BUILD, task_id="env-2", state="Completed", created_at=2.0))
    other = store.tasks.put(replace(_BUILD, task_id="env-3", subject="3", state="Queued", created_at=3.0))
    assert store.tasks.list("team-a") == [other, done, old]
    assert store.tasks.list("team-a", subject="1") == [done, old]
    assert store.tasks.list("team-a", active=True) == [other, old]
    assert store.tasks.list("team-a", limit=1) == [other]


def test_events_are_read_on_from_where_one_stopped(store):
    for step in range(4):
        store.tasks.put(replace(_BUILD, progress=step / 4))
    first, *_, last = store.tasks.events("team-a", "env-1")
    assert [event.progress for event in store.tasks.events("team-a", "env-1", after=first.sequence, limit=2)] == [
        0.25,
        0.5,
    ]
    assert store.tasks.events("team-a", "env-1", after=last.sequence) == []


def test_events_are_delivered_once(store, new_run, owner):
    run = store.runs.add(new_run())
    store.tasks.put(_BUILD)
    store.runs.save(replace(run, state="Preparing"), owner=owner)
    waiting = store.tasks.undelivered([run.run_id])
    assert [event.new for event in waiting] == ["NotStarted", "Preparing"]
    store.tasks.mark_delivered([waiting[0].sequence])
    assert [event.new for event in store.tasks.undelivered([run.run_id])] == ["Preparing"]
    assert [event.kind for event in store.tasks.undelivered(["1"])] == ["environment"]
    store.tasks.mark_delivered([])
    assert store.tasks.undelivered([]) == []
