"""Follow a task to its end: told by a server as it happens, or by asking a database again and again."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError, StoreError, StoreSchemaError
from aml_plugins.runs.reconciliation.intervals import Pause
from aml_plugins.store.interface import SupportsFollowing

if TYPE_CHECKING:
    from aml_plugins.store.records import TaskEvent
    from aml_plugins.tasks.task import Task

__all__ = ["PATIENCE_SECONDS", "events", "known"]

PATIENCE_SECONDS = 120.0
"""How long a store may be away."""
_ENDED = frozenset({"Completed", "Failed", "Canceled"})
_RUN = "run"


def known(task: Task, after: int = 0) -> Iterator[TaskEvent]:
    """Yield what is known to have happened."""
    while page := task.workspace.context.store.tasks.events(task.workspace.name, task.id, after=after):
        yield from page
        after = page[-1].sequence


def events(task: Task) -> Iterator[TaskEvent]:
    """Yield what happened and what happens, until the task has ended; a run that nobody drives is driven meanwhile.

    :raises StoreError: where the store is away for too long.
    """
    seen, until, pause = 0, time.monotonic() + PATIENCE_SECONDS, Pause(longest=0.5)
    is_told = isinstance(task.workspace.context.store.tasks, SupportsFollowing)
    while True:
        try:
            for event in _told(task, seen) if is_told else _asked(task, seen):
                until = time.monotonic() + PATIENCE_SECONDS
                if event is not None:
                    seen = event.sequence
                    yield event
            task.look()
        except StoreError as error:
            if isinstance(error, StoreSchemaError) or time.monotonic() > until:
                raise
            time.sleep(pause.seconds())
        else:
            return


def _asked(task: Task, seen: int) -> Iterator[TaskEvent | None]:
    """Ask until the task has ended; yields None after a look that saw nothing new."""
    pause = Pause(longest=0.5)
    while True:
        ended = task.look().state in _ENDED
        fresh = list(known(task, seen))
        if not ended:
            _drive(task)
        yield from fresh
        if ended:
            return
        if fresh:
            seen = fresh[-1].sequence
            pause.reset()
        yield None
        time.sleep(pause.seconds())


def _told(task: Task, seen: int) -> Iterator[TaskEvent | None]:
    """Listen; somebody may have to drive the run meanwhile."""
    listener = _Listener(task, seen)
    pause = Pause(longest=0.5)
    try:
        while True:
            try:
                said = listener.queue.get(timeout=pause.seconds() if task.kind == _RUN else None)
            except queue.Empty:
                _drive(task)
                yield None
                continue
            if said is None:
                return
            if isinstance(said, AmlError):
                raise said
            pause.reset()
            yield said
    finally:
        listener.over.set()


class _Listener:
    """Reads the stream in a thread: events, then None; or what went wrong."""

    def __init__(self, task: Task, seen: int) -> None:
        self.queue: queue.SimpleQueue[TaskEvent | AmlError | None] = queue.SimpleQueue()
        self.over = threading.Event()
        self._task, self._seen = task, seen
        threading.Thread(target=self._listen, name="aml-task-events", daemon=True).start()

    def _listen(self) -> None:
        tasks = self._task.workspace.context.store.tasks
        assert isinstance(tasks, SupportsFollowing)  # noqa: S101  who listens asked for that
        try:
            for event in tasks.follow(self._task.workspace.name, self._task.id, self._seen, self.over.is_set):
                self.queue.put(event)
            self.queue.put(None)
        except AmlError as error:
            self.queue.put(error)


def _drive(task: Task) -> None:
    if task.kind == _RUN:
        task.workspace.driver.drive([task.subject])
