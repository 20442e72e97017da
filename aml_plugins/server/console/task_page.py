"""The page of a task: what it is, how far it is, what it said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aml_plugins.server.console.run_page import EVENTS, event_json

if TYPE_CHECKING:
    from aml_plugins.store.interface import Store

__all__ = ["task_page"]


def task_page(store: Store, workspace: str, task_id: str) -> dict[str, Any]:
    """Return a task with its events.

    :raises NotFoundError: where the workspace has no such task.
    """
    task = store.tasks.get(workspace, task_id)
    run = store.runs.find(task.subject)
    events = store.tasks.events(workspace, task_id, limit=EVENTS + 1)
    return {
        "task": {name: getattr(task, name) for name in task.__dataclass_fields__},
        "events": [event_json(event) for event in events[:EVENTS]],
        "more": {"events": len(events) > EVENTS},
        "run_id": run.run_id if run is not None and run.workspace == workspace else None,
    }
