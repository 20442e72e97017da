"""The part of Batch that this backend uses, as a narrow protocol of plain JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from aml_plugins.errors import BackendError

__all__ = ["BatchApi", "RefusedError"]

Body = Mapping[str, Any]


class RefusedError(BackendError):
    """Batch said no.

    :param reason: its error code, such as ``TaskNotFound``.
    """

    def __init__(self, what: str, fix: str = "", *, reason: str = "") -> None:
        super().__init__(what, fix)
        self.reason = reason

    @property
    def is_gone(self) -> bool:
        """Whether there is no such task, or its job is gone or going."""
        return self.reason in {"TaskNotFound", "JobNotFound", "JobBeingDeleted"}


class BatchApi(Protocol):
    """Each method is one request, and a page more for every thousand. None sleeps.

    Errors: :class:`RefusedError`, and ``TransientBackendError`` for throttling, outages and what the network does.
    """

    def get_pool(self, pool: str) -> Body: ...

    def create_pool(self, body: Body) -> None: ...

    def delete_pool(self, pool: str) -> None: ...

    def failed_nodes(self, pool: str) -> Sequence[Body]: ...

    def create_job(self, body: Body) -> None: ...

    def get_job(self, job: str) -> Body: ...

    def update_job(self, job: str, changes: Body) -> None: ...

    def list_jobs(self, start: str) -> Sequence[Body]: ...

    def delete_job(self, job: str) -> None: ...

    def create_task(self, job: str, body: Body) -> None: ...

    def get_task(self, job: str, task: str) -> Body: ...

    def list_tasks(self, job: str) -> Iterator[Body]: ...

    def terminate_task(self, job: str, task: str) -> None: ...

    def delete_task(self, job: str, task: str) -> None: ...

    def read_file(self, job: str, task: str, path: str, first: int, size: int) -> bytes: ...

    def list_subtasks(self, job: str, task: str) -> Iterator[Body]: ...

    def read_node_file(self, pool: str, node: str, path: str, first: int, size: int) -> bytes: ...

    def list_files(self, job: str, task: str) -> Iterator[Body]: ...

    def close(self) -> None: ...
