"""How the things of a workspace are, each kind asked for all at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import NotFoundError

if TYPE_CHECKING:
    from aml_plugins import Workspace
    from aml_plugins.store.records import TaskRecord

__all__ = ["LOOKS", "Seen"]

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """Something as it was at a look.

    :param mark: another one whenever the value changed.
    """

    value: Any
    mark: Hashable


def runs(workspace: Workspace, run_ids: Collection[str]) -> Mapping[str, Seen]:
    """Drive the runs that nobody else drives, one question a compute target, and return how all are."""
    return {run_id: Seen(record, record.version) for run_id, record in workspace.driver.drive(run_ids).items()}


def tasks(workspace: Workspace, task_ids: Collection[str]) -> Mapping[str, Seen]:
    """Ask for what goes on, and one by one only for what no longer does."""
    found = {record.task_id: record for record in _active(workspace)}
    for task_id in task_ids:
        if task_id not in found:
            try:
                found[task_id] = workspace.context.store.tasks.get(workspace.name, task_id)
            except NotFoundError:
                continue
    known = {task_id: found[task_id] for task_id in task_ids if task_id in found}
    return {task_id: Seen(task, (task.state, task.message, task.progress)) for task_id, task in known.items()}


def models(workspace: Workspace, names: Collection[str]) -> Mapping[str, Seen]:
    """Return all versions of the models, newest first."""
    from aml_plugins import Model  # noqa: PLC0415  loads MLflow where the store is a database

    found = {}
    for name in names:
        try:
            versions = Model.list(workspace, name)
        except NotFoundError:
            continue
        mark = tuple((one.version, tuple(one.aliases), tuple(sorted(one.tags.items()))) for one in versions)
        found[name] = Seen(versions, mark)
    return found


LOOKS: Mapping[str, Callable[[Workspace, Collection[str]], Mapping[str, Seen]]] = {
    "run": runs,
    "task": tasks,
    "model": models,
}


def _active(workspace: Workspace) -> list[TaskRecord]:
    found: list[TaskRecord] = []
    before: tuple[float, str] | None = None
    while True:
        page = workspace.context.store.tasks.list(workspace.name, active=True, limit=_PAGE, before=before)
        found.extend(page)
        if len(page) < _PAGE:
            return found
        before = (page[-1].created_at, page[-1].task_id)
