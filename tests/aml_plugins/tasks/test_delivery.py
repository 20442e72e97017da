"""Events of a real store reach the hooks: in order, at least once, failures notwithstanding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aml_plugins.hookspecs import hookimpl
from aml_plugins.plugins import plugins_of
from aml_plugins.store.records import TaskRecord
from aml_plugins.tasks.delivery import deliver


class Observer:
    """Writes down what it is told; fails where it is told to."""

    def __init__(self, fail_at=(), error=RuntimeError):
        self.seen = []
        self._fail_at = fail_at
        self._error = error

    @hookimpl
    def aml_task_event(self, event):
        self.seen.append(("event", event.new, event.message))
        if event.new in self._fail_at:
            raise self._error("failing as asked")

    @hookimpl
    def aml_run_state_changed(self, run, old, new):
        self.seen.append(("state", run.run_id[:1], old, new))

    @hookimpl
    def aml_run_finished(self, run):
        self.seen.append(("finished", run.run_id[:1], run.state))


@pytest.fixture
def finished_run(store, add_run):
    run = add_run()
    for state in ("Preparing", "Finalizing", "Completed"):
        run = store.runs.save(replace(run, state=state), owner="test", message=f"Now {state}.")
    return run


EVENTS = [
    ("event", "NotStarted", "Submitted."),
    ("event", "Preparing", "Now Preparing."),
    ("state", "r", "NotStarted", "Preparing"),
    ("event", "Finalizing", "Now Finalizing."),
    ("state", "r", "Preparing", "Finalizing"),
    ("event", "Completed", "Now Completed."),
    ("state", "r", "Finalizing", "Completed"),
    ("finished", "r", "Completed"),
]


def test_a_runs_history_is_told_in_order_and_once(store, finished_run):
    observer = Observer()
    plugins = plugins_of({"observer": observer})
    assert deliver(store, plugins, [finished_run.run_id]) == 4
    assert deliver(store, plugins, [finished_run.run_id]) == 0
    assert observer.seen == EVENTS


def test_an_observer_that_fails_neither_stops_others_nor_is_told_again(store, finished_run):
    bad, good = Observer(fail_at=("Preparing", "Completed")), Observer()
    plugins = plugins_of({"bad": bad, "good": good})
    assert deliver(store, plugins, [finished_run.run_id]) == 4
    assert deliver(store, plugins, [finished_run.run_id]) == 0
    assert good.seen == bad.seen == EVENTS


def test_what_was_told_before_an_interruption_is_not_told_again_and_the_rest_is(store, finished_run):
    first, second = Observer(fail_at=("Finalizing",), error=KeyboardInterrupt), Observer()
    with pytest.raises(KeyboardInterrupt):
        deliver(store, plugins_of({"first": first}), [finished_run.run_id])
    assert deliver(store, plugins_of({"second": second}), [finished_run.run_id]) == 2
    assert second.seen == EVENTS[3:]


def test_only_the_subjects_that_are_asked_for(store, finished_run, add_run):
    other = add_run("o" * 32)
    observer = Observer()
    deliver(store, plugins_of({"observer": observer}), [other.run_id])
    assert observer.seen == [("event", "NotStarted", "Submitted.")]


def test_a_task_that_is_no_run_has_events_and_no_transitions_of_a_run(store):
    task = TaskRecord(workspace="team", task_id="env-1", kind="environment", subject="s" * 32, state="Running")
    store.tasks.put(task, message="Building.")
    store.tasks.put(replace(task, state="Completed"), message="Built.")
    observer = Observer()
    assert deliver(store, plugins_of({"observer": observer}), ["s" * 32]) == 2
    assert observer.seen == [("event", "Running", "Building."), ("event", "Completed", "Built.")]


def test_nothing_to_tell(store):
    assert deliver(store, plugins_of({}), []) == 0
    assert deliver(store, plugins_of({}), ["nobody"]) == 0
