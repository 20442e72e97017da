"""A long-running operation in Python: look at it, or follow what happens to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError
from aml_plugins.tasks import following

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.records import TaskEvent, TaskRecord
    from aml_plugins.workspace import Workspace

__all__ = ["OF_RUNS", "Task"]

ENDED = frozenset({"Completed", "Failed", "Canceled"})
RUN = "run"
COMPUTE = "compute"
OF_RUNS = frozenset({RUN, "environment"})
"""Kinds whose subject is a run: to cancel such a task is to cancel that run."""


class Task:
    """A long-running operation of a workspace, such as a run or an environment build.

    :param record: the task as of the last look.
    """

    def __init__(self, workspace: Workspace, record: TaskRecord) -> None:
        self.workspace = workspace
        self.record = record
        self.id = record.task_id

    def __repr__(self) -> str:
        return f"Task(id={self.id!r}, kind={self.record.kind!r}, state={self.record.state!r})"

    @classmethod
    def get(cls, workspace: Workspace, task_id: str) -> Task:
        """Return a task by its id; a run's own task has the run's id.

        :raises NotFoundError: where the workspace has no such task.
        """
        return cls(workspace, workspace.context.store.tasks.get(workspace.name, task_id))

    @classmethod
    def list(
        cls, workspace: Workspace, *, subject: str | None = None, active: bool = False, limit: int = 100
    ) -> Sequence[Task]:
        """Return tasks, newest first: all, those of one subject (a run id), or those that have not ended."""
        found = workspace.context.store.tasks.list(workspace.name, subject=subject, active=active, limit=limit)
        return [cls(workspace, record) for record in found]

    @property
    def kind(self) -> str:
        """What it is: ``run``, ``environment``."""
        return self.record.kind

    @property
    def subject(self) -> str:
        """What it works for, such as a run's id."""
        return self.record.subject

    @property
    def progress(self) -> float | None:
        """How far it was at the last look, 0.0 to 1.0; None where nobody knows."""
        return self.record.progress

    @property
    def message(self) -> str:
        """The newest sentence at the last look."""
        return self.record.message

    @property
    def result(self) -> JsonObject | None:
        """What came of it, as of the last look."""
        return self.record.result

    @property
    def state(self) -> str:
        """The state now: Queued, Running, Completed, Failed or Canceled."""
        return self.look().state

    def look(self) -> TaskRecord:
        """Look again."""
        self.record = self.workspace.context.store.tasks.get(self.workspace.name, self.id)
        return self.record

    def cancel(self) -> None:
        """Ask what the task is about to end; returns at once, and :meth:`events` tells when it has.

        :raises InvalidInputError: for a task that nothing can end before its time.
        """
        if self.kind == COMPUTE:
            self._cancel_creation()
            return
        if self.kind not in OF_RUNS:
            raise InvalidInputError(
                f"A task of the kind '{self.kind}' cannot be cancelled.", "Wait for it, or delete what it makes."
            )
        self.workspace.get_run(self.subject).cancel()
        self.record = self.workspace.context.store.tasks.get(self.workspace.name, self.id)

    def _cancel_creation(self) -> None:
        found = self.workspace.compute_operation(self.subject)
        if found is None or found.task.id != self.id:
            raise InvalidInputError("The task has ended.", f"To delete the target: aml compute delete {self.subject}")
        found.cancel()

    def events(self, *, follow: bool = False) -> Iterator[TaskEvent]:
        """Yield what happened to the task, oldest first.

        :param follow: go on until the task has ended; a run that nobody drives is driven meanwhile. A store that is
            away for up to two minutes is waited for, and no event is missed. A server sends events as they happen; a
            database is asked again and again.
        """
        if follow:
            yield from following.events(self)
        else:
            self.look()  # not found is said before anything is read
            yield from following.known(self)
