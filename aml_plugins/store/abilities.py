"""What some stores can do besides; absence means "unsupported"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from aml_plugins.store.records import TaskEvent

__all__ = ["SupportsFollowing"]


@runtime_checkable
class SupportsFollowing(Protocol):
    """Tasks of a store that tells what happens as it happens; others are asked again and again."""

    def follow(self, workspace: str, task_id: str, after: int, is_over: Callable[[], bool]) -> Iterator[TaskEvent]:
        """Yield the events after a sequence as they come, until the task has ended.

        :param is_over: asked now and then; True ends it early.
        :raises StoreError: where the connection breaks before the end.
        """
        ...
