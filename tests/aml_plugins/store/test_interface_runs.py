"""What any store does with runs. Nothing here knows a database."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from aml_plugins.errors import AlreadyExistsError, LeaseLostError, NotFoundError
from aml_plugins.runs.states import RunState
from aml_plugins.store.leases import new_owner
from aml_plugins.store.records import ComputeTargetRecord, RunChange


def test_a_run_comes_back_as_it_was_written(store, new_run):
    full = new_run(
        source={"directory": "/src", "host": "h"},
        name="first try",
        parent_run_id="0" * 32,
        idempotency_key="dag/task/1",
        user="ann",
        snapshot_digest="ab" * 32,
        attempt=2,
        handle={"backend": "local", "data": {"pid": 7}},
        cursors={"log": 12},
        native_state="active",
        reason="waits for a slot",
        error_code="store",
        exit_code=4294967295,
        outcome="Failed",
        started_at=12.5,
        ended_at=13.25,
        created_at=11.0,
    )
    added = store.runs.add(full)
    assert store.runs.get("team-a", full.run_id) == added
    assert replace(added, updated_at=0.0) == full
    assert store.runs.find(full.run_id) == added


def test_values_that_databases_dislike_survive(store, new_run):
    run = store.runs.add(new_run(config={"nan": math.nan, "nul": "a\0b", "half": "\ud800", "deep": {"l": [1, [2]]}}))
    read = store.runs.get("team-a", run.run_id)
    assert math.isnan(read.config["nan"])
    assert read.config["nul"] == "a\0b"
    assert read.config["half"] == "\ud800"
    assert read.config["deep"] == {"l": [1, [2]]}


def test_a_reason_with_unprintable_bytes_is_kept_as_far_as_possible(store, new_run, owner):
    run = store.runs.add(new_run())
    store.runs.save(replace(run, reason="last line: \0 \ud800 é"), owner=owner)
    reason = store.runs.get("team-a", run.run_id).reason
    assert reason.startswith("last line: ")
    assert reason.endswith("é")


def test_a_new_run_has_a_task_and_one_event(store, new_run):
    run = store.runs.add(new_run(), message="Submitted by ann.")
    task = store.tasks.get("team-a", run.run_id)
    assert (task.kind, task.subject, task.state, task.message) == ("run", run.run_id, "Queued", "Submitted by ann.")
    (event,) = store.tasks.events("team-a", run.run_id)
    assert (event.old, event.new, event.message) == (None, "NotStarted", "Submitted by ann.")


def test_an_idempotency_key_maps_to_one_run_for_ever(store, new_run, owner):
    first = store.runs.add(new_run(idempotency_key="k"))
    ended = store.runs.save(replace(first, state="Failed"), owner=owner)
    again = store.runs.add(new_run(idempotency_key="k"))
    assert again == ended
    assert len(store.runs.list("team-a")) == 1


def test_an_idempotency_key_belongs_to_its_workspace(store, new_run):
    first = store.runs.add(new_run(idempotency_key="k"))
    assert store.runs.find_by_key("team-a", "k") == first
    assert store.runs.find_by_key("team-b", "k") is None
    other = store.runs.add(new_run(idempotency_key="k", workspace="team-b"))
    assert first.run_id != other.run_id


def test_a_run_id_is_taken_once(store, new_run):
    run = store.runs.add(new_run())
    with pytest.raises(AlreadyExistsError, match=run.run_id):
        store.runs.add(new_run(run_id=run.run_id))


def test_a_run_of_another_workspace_is_not_found(store, new_run):
    run = store.runs.add(new_run())
    with pytest.raises(NotFoundError, match=f"{run.run_id}.*team-b"):
        store.runs.get("team-b", run.run_id)
    assert store.runs.find("f" * 32) is None


def test_many_runs_are_read_at_once(store, new_run):
    runs = [store.runs.add(new_run()) for _ in range(3)]
    found = store.runs.get_many([runs[0].run_id, runs[2].run_id, "missing"])
    assert found == {runs[0].run_id: runs[0], runs[2].run_id: runs[2]}
    assert store.runs.get_many([]) == {}


def test_runs_are_listed_newest_first_in_pages(store, new_run):
    runs = [store.runs.add(new_run(created_at=float(second // 2 + 1))) for second in range(7)]
    expected = sorted(runs, key=lambda run: (run.created_at, run.run_id), reverse=True)
    pages, before = [], None
    while page := store.runs.list("team-a", limit=3, before=before):
        pages.extend(page)
        before = (page[-1].created_at, page[-1].run_id)
    assert pages == expected


@pytest.mark.parametrize(
    "wanted",
    [{"experiment": "other"}, {"target": "gpu"}, {"parent_run_id": "p"}, {"states": ["Running", "Queued"]}],
    ids=lambda wanted: next(iter(wanted)),
)
def test_runs_are_chosen_by(store, new_run, wanted):
    field = {"experiment": "experiment_name", "states": "state"}
    (key, value), *_ = wanted.items()
    store.runs.add(new_run())
    store.runs.add(new_run(workspace="team-b", **{field.get(key, key): value[0] if key == "states" else value}))
    match = store.runs.add(new_run(**{field.get(key, key): value[0] if key == "states" else value}))
    assert [run.run_id for run in store.runs.list("team-a", **wanted)] == [match.run_id]


@pytest.mark.parametrize("state", RunState)
def test_each_state_of_a_run_is_a_state_of_its_task(store, new_run, owner, state):
    expected = {
        "NotStarted": "Queued",
        "Preparing": "Queued",
        "Queued": "Queued",
        "Running": "Running",
        "Finalizing": "Running",
        "CancelRequested": "Running",
        "Completed": "Completed",
        "Failed": "Failed",
        "Canceled": "Canceled",
    }
    run = store.runs.add(new_run())
    store.runs.save(replace(run, state=state.value), owner=owner)
    assert store.tasks.get("team-a", run.run_id).state == expected[state]


def test_a_transition_is_one_event_and_a_message_another(store, new_run, owner):
    run = store.runs.add(new_run())
    run = store.runs.save(replace(run, state="Preparing"), owner=owner)
    run = store.runs.save(replace(run, cursors={"log": 1}), owner=owner)
    run = store.runs.save(run, owner=owner, message="Building the environment.", progress=0.5)
    run = store.runs.save(run, owner=owner, progress=0.75)
    events = store.tasks.events("team-a", run.run_id)
    assert [(event.old, event.new, event.message, event.progress) for event in events] == [
        (None, "NotStarted", "", None),
        ("NotStarted", "Preparing", "", None),
        (None, None, "Building the environment.", 0.5),
    ]
    task = store.tasks.get("team-a", run.run_id)
    assert (task.message, task.progress) == ("Building the environment.", 0.75)
    assert run.version == 4


def test_saving_returns_what_is_stored(store, new_run, owner):
    run = store.runs.add(new_run())
    saved = store.runs.save(replace(run, state="Running", handle={"a": 1}, exit_code=3, reason="r"), owner=owner)
    assert saved == store.runs.get("team-a", run.run_id)
    assert saved.version == run.version + 1


def test_what_was_submitted_is_never_written_again(store, new_run, owner):
    run = store.runs.add(new_run())
    store.runs.save(replace(run, state="Preparing", script="other.py", config={"script": "other.py"}), owner=owner)
    found = store.runs.get("team-a", run.run_id)
    assert (found.state, found.script, found.config) == ("Preparing", run.script, run.config)


def test_a_stale_version_writes_nothing(store, new_run, owner):
    run = store.runs.add(new_run())
    current = store.runs.save(replace(run, state="Preparing"), owner=owner)
    with pytest.raises(LeaseLostError, match=run.run_id):
        store.runs.save(replace(run, state="Failed"), owner=owner, message="never seen")
    assert store.runs.get("team-a", run.run_id) == current
    assert [event.message for event in store.tasks.events("team-a", run.run_id)] == ["", ""]


def test_only_the_owner_writes(store, new_run):
    run = store.runs.add(new_run())
    with pytest.raises(LeaseLostError, match="driven by"):
        store.runs.save(replace(run, state="Failed"), owner=new_owner())
    with pytest.raises(LeaseLostError, match="nobody"):
        store.runs.save(store.runs.add(new_run(lease_owner=None)), owner=new_owner())
    assert store.runs.get("team-a", run.run_id).state == "NotStarted"


def test_several_changes_are_written_together_and_each_is_an_event(store, new_run, owner):
    first, second = store.runs.add(new_run()), store.runs.add(new_run())
    preparing = replace(first, state="Preparing")
    changes = [
        RunChange(run=preparing, message="Stored."),
        RunChange(run=replace(second, state="Running", handle={"a": 1}), progress=0.1),
        RunChange(run=replace(preparing, state="Queued", version=first.version + 1)),
        RunChange(run=replace(preparing, state="Queued", version=first.version + 2, reason="full"), message="Full."),
    ]
    saved = store.runs.save_all(changes, owner=owner)
    assert saved == store.runs.get_many([first.run_id, second.run_id])
    assert (saved[first.run_id].version, saved[first.run_id].state, saved[first.run_id].reason) == (3, "Queued", "full")
    events = store.tasks.events("team-a", first.run_id)
    assert [(event.old, event.new, event.message) for event in events] == [
        (None, "NotStarted", ""),
        ("NotStarted", "Preparing", "Stored."),
        ("Preparing", "Queued", ""),
        (None, None, "Full."),
    ]
    task = store.tasks.get("team-a", second.run_id)
    assert (task.state, task.progress) == ("Running", 0.1)
    assert store.runs.save_all([], owner=owner) == {}


def test_of_several_runs_only_those_whose_lease_is_held_are_written(store, new_run, owner):
    mine, stale, strange = (store.runs.add(new_run(lease_owner=who)) for who in (owner, owner, new_owner()))
    newer = store.runs.save(replace(stale, state="Preparing"), owner=owner)
    runs = [mine, stale, strange, replace(mine, run_id="f" * 32)]
    saved = store.runs.save_all([RunChange(run=replace(run, state="Failed"), message="m") for run in runs], owner=owner)
    assert set(saved) == {mine.run_id}
    assert store.runs.get("team-a", mine.run_id).state == "Failed"
    assert store.runs.get_many([stale.run_id, strange.run_id]) == {stale.run_id: newer, strange.run_id: strange}
    gap = [RunChange(run=newer), RunChange(run=replace(newer, version=newer.version + 2))]
    assert store.runs.save_all(gap, owner=owner) == {}


def test_a_wish_to_cancel_comes_back_with_what_was_saved(store, new_run, owner):
    run = store.runs.add(new_run())
    asked = store.runs.request_cancel("team-a", run.run_id)
    saved = store.runs.save_all([RunChange(run=replace(run, state="Preparing"))], owner=owner)
    assert saved[run.run_id].cancel_requested_at == asked.cancel_requested_at


def test_a_slot_is_free_once_it_is_saved_that_the_job_has_ended(store, new_run, owner):
    store.compute_targets.add(ComputeTargetRecord(workspace="team-a", name="box", type="local"))
    run = store.runs.add(new_run(target="box"))
    assert store.compute_targets.claim_slot("team-a", "box", run.run_id, 1)
    kept = store.runs.save_all([RunChange(run=replace(run, state="Running"))], owner=owner)[run.run_id]
    assert not store.compute_targets.claim_slot("team-a", "box", "next", 1)
    store.runs.save_all([RunChange(run=replace(kept, state="Finalizing"), frees_slot=True)], owner=owner)
    assert store.compute_targets.claim_slot("team-a", "box", "next", 1)


def test_an_expired_lease_that_nobody_took_still_writes(store, new_run, owner):
    run = store.runs.add(new_run(lease_until=time.time() - 100))
    assert store.runs.save(replace(run, state="Preparing"), owner=owner).state == "Preparing"


def test_saving_never_writes_what_others_write(store, new_run, owner):
    run = store.runs.add(new_run())
    cancelled = store.runs.request_cancel("team-a", run.run_id)
    store.runs.mark_released([run.run_id], released=True)
    forged = replace(run, cancel_requested_at=1.0, released_at=None, lease_owner="x", lease_until=5.0, state="Running")
    saved = store.runs.save(forged, owner=owner)
    stored = store.runs.get("team-a", run.run_id)
    assert saved == stored
    assert stored.cancel_requested_at == cancelled.cancel_requested_at != 1.0
    assert stored.released_at is not None
    assert stored.lease_owner == owner


def test_cancelling_twice_keeps_the_first_time(store, new_run):
    run = store.runs.add(new_run())
    first = store.runs.request_cancel("team-a", run.run_id)
    assert first.cancel_requested_at is not None
    assert store.runs.request_cancel("team-a", run.run_id) == first


def test_an_ended_run_is_not_cancelled(store, new_run, owner):
    run = store.runs.add(new_run())
    ended = store.runs.save(replace(run, state="Completed"), owner=owner)
    assert store.runs.request_cancel("team-a", run.run_id) == ended


def test_cancelling_a_run_of_another_workspace_is_refused(store, new_run):
    run = store.runs.add(new_run())
    with pytest.raises(NotFoundError):
        store.runs.request_cancel("team-b", run.run_id)
    assert store.runs.get("team-a", run.run_id).cancel_requested_at is None


def test_released_runs_can_be_restored(store, new_run):
    runs = [store.runs.add(new_run()).run_id for _ in range(2)]
    store.runs.mark_released(runs, released=True)
    first = store.runs.get("team-a", runs[0]).released_at
    store.runs.mark_released(runs[:1], released=True)
    assert store.runs.get("team-a", runs[0]).released_at == first is not None
    store.runs.mark_released(runs[:1], released=False)
    assert [store.runs.get("team-a", run_id).released_at is None for run_id in runs] == [True, False]
    store.runs.mark_released([], released=True)


def test_a_lease_holder_learns_of_cancellations_without_reading_rows(store, new_run):
    asked, other = store.runs.add(new_run()), store.runs.add(new_run())

    store.runs.request_cancel(asked.workspace, asked.run_id)

    assert set(store.runs.cancellations([asked.run_id, other.run_id])) == {asked.run_id}
    assert store.runs.cancellations([]) == {}
