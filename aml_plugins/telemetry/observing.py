"""Hand what happened to the sender of the workspace's exporter."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from aml_plugins.telemetry.collecting import finished_run, reached_state, spans_of_run
from aml_plugins.telemetry.opening import open_exporter, telemetry_in
from aml_plugins.telemetry.sending import Sender

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord, TaskEvent
    from aml_plugins.telemetry.surroundings import Surroundings

__all__ = ["count_state", "flush", "send_run"]

_LOCK = threading.Lock()
_SENDERS: dict[tuple[str, str, str], Sender | None] = {}
"""By store, workspace and settings: one that is set anew is opened anew. None where it cannot be opened."""

MOST_EVENTS = 1000


def count_state(surroundings: Surroundings, event: TaskEvent) -> None:
    """Count a run that reached a state."""
    sender = _sender(surroundings, event.workspace)
    run = surroundings.context.store.runs.find(event.subject) if sender else None
    if sender and run is not None:
        sender.send((), [reached_state(run, event)])


def send_run(surroundings: Surroundings, run: RunRecord) -> None:
    """Send a finished run."""
    sender = _sender(surroundings, run.workspace)
    if sender is None:
        return
    tasks = surroundings.context.store.tasks
    events = tasks.events(run.workspace, run.run_id, limit=MOST_EVENTS)
    others = {
        task.task_id: tasks.events(run.workspace, task.task_id, limit=MOST_EVENTS)
        for task in tasks.list(run.workspace, subject=run.run_id)
        if task.task_id != run.run_id
    }
    sender.send(spans_of_run(run, events, others), finished_run(run, events))


def flush(seconds: float = 5.0) -> bool:
    """Wait until all that was handed over is sent; say whether it is."""
    flushed = [sender.flush(seconds) for sender in _SENDERS.values() if sender]
    return all(flushed)


def _sender(surroundings: Surroundings, workspace: str) -> Sender | None:
    settings = telemetry_in(surroundings.settings(workspace))
    if settings is None:
        return None
    context = surroundings.context
    key = (context.store.uri, workspace, repr(settings))
    with _LOCK:
        if key not in _SENDERS:
            exporter = open_exporter(context, workspace)  # its error reaches the log once, by the caller of hooks
            _SENDERS[key] = Sender(exporter) if exporter else None
        return _SENDERS[key]
