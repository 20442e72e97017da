"""Hand the events of tasks to the event hooks, at least once each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from aml_plugins.home import aml_home
from aml_plugins.runs.states import RunState
from aml_plugins.store.settings import settings_of
from aml_plugins.tasks.courier import Posting
from aml_plugins.telemetry.surroundings import observed_in

if TYPE_CHECKING:
    from aml_plugins.plugins import Plugins
    from aml_plugins.store.interface import Store
    from aml_plugins.store.records import RunRecord, TaskEvent

__all__ = ["deliver", "tell"]

_RUN = "run"


def deliver(
    store: Store, plugins: Plugins, subjects: Collection[str], runs: Mapping[str, RunRecord] | None = None
) -> int:
    """Tell plugins what happened to ``subjects`` and was not told yet; return how many events that were.

    Events are told in their order. Where the process dies on the way, the next driver tells again what was not
    marked. The run that observers get is the run as it is now, which may be further than the event they are told of.

    :param runs: the runs among them as stored, from a driver that knows; None asks for them.
    """
    told: list[int] = []
    try:
        for sequence in tell(store, plugins, store.tasks.undelivered(subjects), runs):
            told.append(sequence)  # noqa: PERF402  what was told before an interruption counts
    finally:  # also where Ctrl-C ended it: what was told need not be told twice
        if told:
            store.tasks.mark_delivered(told)
    return len(told)


def tell(
    store: Store, plugins: Plugins, events: Collection[TaskEvent], runs: Mapping[str, RunRecord] | None = None
) -> Iterator[int]:
    """Tell plugins and webhooks of events and mark nothing; yield the number of each event that was told."""
    surroundings = observed_in()
    settings = surroundings.settings if surroundings else partial(settings_of, store)
    posting = Posting(store, aml_home(), settings)
    if runs is None:
        runs = store.runs.get_many({event.subject for event in events if event.kind == _RUN}) if events else {}
    for event in events:
        _tell(plugins, event, runs.get(event.subject))
        posting.post(event)
        yield event.sequence


def _tell(plugins: Plugins, event: TaskEvent, run: RunRecord | None) -> None:
    plugins.notify("aml_task_event", event=event)
    if event.kind != _RUN or event.new is None or run is None:
        return
    if event.old is not None:
        plugins.notify("aml_run_state_changed", run=run, old=event.old, new=event.new)
    if RunState(event.new).is_terminal:
        plugins.notify("aml_run_finished", run=run)
