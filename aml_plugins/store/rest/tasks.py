"""Long-running tasks and their events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from aml_plugins.store.page_tokens import token_of
from aml_plugins.store.records import TaskEvent, TaskRecord
from aml_plugins.store.rest.asking import create, pages, slices
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.event_stream import followed
from aml_plugins.store.rest.records import record_of, records_of, values_of

__all__ = ["RestTasks"]


class RestTasks:
    """Implements :class:`aml_plugins.store.interface.Tasks`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # The server tells its own plugins of events before it marks them, and finds them by what they are about.
        self._subjects: dict[int, str] = {}
        self._lock = threading.Lock()

    def put(self, record: TaskRecord, *, message: str = "") -> TaskRecord:
        body = values_of(record, "workspace", "task_id", "updated_at") | {"event_message": message}
        return record_of(TaskRecord, create(self._connection, "PUT", _path(record.workspace, record.task_id), body))

    def get(self, workspace: str, task_id: str) -> TaskRecord:
        return record_of(TaskRecord, self._connection.call("GET", _path(workspace, task_id)).value)

    def list(
        self,
        workspace: str,
        *,
        subject: str | None = None,
        active: bool = False,
        limit: int = 100,
        before: tuple[float, str] | None = None,
    ) -> Sequence[TaskRecord]:
        begin = token_of(float(before[0]), before[1]) if before else None
        query = {"subject": subject, "active": str(active).lower(), "page_token": begin}
        return records_of(TaskRecord, pages(self._connection, path_of("workspaces", workspace, "tasks"), query, limit))

    def events(self, workspace: str, task_id: str, after: int = 0, limit: int = 1000) -> Sequence[TaskEvent]:
        path = path_of("workspaces", workspace, "tasks", task_id, "events")
        return records_of(TaskEvent, pages(self._connection, path, {"after": after}, limit))

    def follow(self, workspace: str, task_id: str, after: int, is_over: Callable[[], bool]) -> Iterator[TaskEvent]:
        """Yield events as the server sends them; see :class:`aml_plugins.store.interface.SupportsFollowing`."""
        return followed(self._connection, workspace, task_id, after, is_over)

    def undelivered(self, subjects: Collection[str]) -> Sequence[TaskEvent]:
        found: list[TaskEvent] = []
        path = path_of("task-events", "undelivered")
        for some in slices(subjects):
            found += records_of(TaskEvent, self._connection.call("POST", path, body={"subjects": some}).value["items"])
        with self._lock:
            self._subjects.update((event.sequence, event.subject) for event in found)
        return sorted(found, key=lambda event: event.sequence)

    def mark_delivered(self, sequences: Iterable[int], workspaces: Collection[str] | None = None) -> None:
        del workspaces  # those of the caller, which the server knows
        numbers = list(sequences)
        if not numbers:
            return
        with self._lock:
            subjects = {self._subjects.pop(number) for number in numbers if number in self._subjects}
        for some in slices(subjects) if subjects else [[]]:
            body = {"sequences": numbers, "subjects": some}
            self._connection.call("POST", path_of("task-events", "delivered"), body=body)


def _path(workspace: str, task_id: str) -> str:
    return path_of("workspaces", workspace, "tasks", task_id)
