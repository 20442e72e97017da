"""Everything that the page of one run shows at first; its log comes as a stream, its files when they are asked for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aml_plugins.errors import NotFoundError
from aml_plugins.runs.attempts import LINK, attempts_of
from aml_plugins.runs.console_link import is_console_note
from aml_plugins.runs.states import RunState
from aml_plugins.server.console.queries import ConsoleQueries
from aml_plugins.server.console.replies import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aml_plugins.context import Context
    from aml_plugins.runs.history import RunView
    from aml_plugins.store.interface import Store
    from aml_plugins.store.records import RunRecord, TaskEvent

__all__ = ["EVENTS", "event_json", "mlflow_page", "run_page", "run_summary"]

EVENTS = 1000
CHILDREN = 200
NOTE = "mlflow.note.content"
_FROM_MLFLOW = {
    "SCHEDULED": RunState.QUEUED,
    "RUNNING": RunState.RUNNING,
    "FINISHED": RunState.COMPLETED,
    "FAILED": RunState.FAILED,
    "KILLED": RunState.CANCELED,
}
_SUMMARY = (
    *("run_id", "name", "experiment_name", "experiment_id", "script", "target", "target_type", "user", "attempt"),
    *("state", "native_state", "reason", "error_code", "exit_code", "cancel_requested_at", "parent_run_id"),
    *("created_at", "started_at", "ended_at"),
)


def run_page(context: Context, queries: ConsoleQueries, run: RunRecord, static_prefix: str) -> dict[str, Any]:
    """Return the page of a run.

    :param static_prefix: what stands before the paths of MLflow's UI.
    """
    view = _view(context, run)
    events = context.store.tasks.events(run.workspace, run.run_id, limit=EVENTS + 1)
    children = _children(context, queries, run)
    return {
        "run": run_summary(run) | {"shown_name": view.name if view else run.name},
        "events": [event_json(event) for event in events[:EVENTS]],
        "tasks": [task for task in queries.tasks_of(run.workspace, run.run_id) if task["task_id"] != run.run_id],
        "configuration": run.config,
        "snapshot": _snapshot(context.store, run),
        "children": children[:CHILDREN],
        "more": {"events": len(events) > EVENTS, "children": len(children) > CHILDREN},
        "metrics": {key: number(value) for key, value in sorted(view.metrics.items())} if view else {},
        "parameters": dict(view.params) if view else {},
        "tags": _tags(view.tags) if view else {},
        "note": _note(view.tags) if view else None,
        "mlflow": mlflow_page(static_prefix, run.workspace, run.experiment_id, run.run_id),
    }


def run_summary(run: RunRecord) -> dict[str, Any]:
    """Return what changes while a run goes on, and what names it."""
    earlier = attempts_of(run)[:-1]
    return {name: getattr(run, name) for name in _SUMMARY} | {
        "earlier_attempts": [asdict(one) for one in earlier],
        "link": run.cursors.get(LINK),
    }


def event_json(event: TaskEvent) -> dict[str, Any]:
    """Return one line of a task's history."""
    return {name: getattr(event, name) for name in ("sequence", "time", "old", "new", "progress", "message")}


def mlflow_page(static_prefix: str, workspace: str, experiment_id: str, run_id: str) -> str:
    """Return the path of a run's page in MLflow's UI."""
    where = f"experiments/{quote(experiment_id, safe='')}/runs/{quote(run_id, safe='')}"
    return f"{static_prefix}/#/{where}?workspace={quote(workspace, safe='')}"


def _view(context: Context, run: RunRecord) -> RunView | None:
    """Return the run as MLflow knows it; None before it is created there, or after it was deleted for good."""
    try:
        return context.history(run.workspace).get(run.run_id)
    except NotFoundError:
        return None


def _snapshot(store: Store, run: RunRecord) -> dict[str, Any] | None:
    record = store.snapshots.find(run.workspace, run.snapshot_digest) if run.snapshot_digest else None
    return {"digest": record.digest, "size": record.size, "files": record.files} if record else None


def _children(context: Context, queries: ConsoleQueries, run: RunRecord) -> list[dict[str, Any]]:
    """Return the runs below: those that were submitted, and those that the script opened, which only MLflow knows."""
    submitted = list(queries.children(run.workspace, run.run_id, CHILDREN + 1))
    known = {child["run_id"] for child in submitted}
    found: list[dict[str, Any]] = [
        {**{name: child[name] for name in ("run_id", "name", "state", "created_at", "ended_at")}, "has_page": True}
        for child in submitted
    ]
    with suppress(NotFoundError):
        views = context.history(run.workspace).children(run.run_id)
        found += [_opened(child) for child in views if child.run_id not in known]
    return found


def _opened(child: RunView) -> dict[str, Any]:
    return {
        "run_id": child.run_id,
        "name": child.name,
        "state": _FROM_MLFLOW.get(child.status, RunState.RUNNING).value,
        "created_at": child.start_time / 1000 if child.start_time else None,
        "ended_at": child.end_time / 1000 if child.end_time else None,
        "experiment_id": child.experiment_id,
        "has_page": False,
    }


def _note(tags: Mapping[str, str]) -> str | None:
    """Return what people wrote about the run; the link to this very page is not worth a word here."""
    note = tags.get(NOTE)
    return None if note is None or is_console_note(note) else note


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that people set: MLflow's and ours stand elsewhere on the page."""
    return {name: value for name, value in sorted(tags.items()) if not name.startswith(("mlflow.", "aml."))}
