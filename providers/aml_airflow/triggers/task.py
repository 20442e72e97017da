"""Wait for a long-running task of a workspace: an image's build, a service's deployment."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import TriggerEvent  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.identity import ENDED
from aml_airflow.triggers.base import AmlBaseTrigger
from aml_airflow.watching.watch import watch_of
from aml_plugins.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from aml_plugins import Workspace

__all__ = ["AmlTaskTrigger"]


class AmlTaskTrigger(AmlBaseTrigger):
    """Waits until a task of the workspace has ended. One that is not there yet is waited for.

    Its event is ``{"aml_task_id", "state"}``. Messages of the task are in the trigger's log.

    :param aml_task_id: the task.
    :param cancel_on_kill: cancel it where a user kills the task that waits for it.
    :param delete_service: a service to delete then: the one that is waited for, where it never answered before.
    """

    _written: ClassVar[tuple[str, ...]] = ("aml_task_id", "cancel_on_kill", "delete_service")

    def __init__(
        self, *, aml_task_id: str, cancel_on_kill: bool = False, delete_service: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.aml_task_id = aml_task_id
        self.cancel_on_kill = cancel_on_kill
        self.delete_service = delete_service

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event once the task has ended."""
        begun = time.monotonic()
        said = ""
        async with watch_of(self.address).subscription("task", self.aml_task_id, self.poll_interval) as subscription:
            while True:
                record = await subscription.news()
                if record is None:
                    continue
                if record.message != said:
                    said = record.message
                    self.log.info("%s", said)
                if record.state in ENDED:
                    break
        await self.handed_over(begun)
        yield TriggerEvent({"aml_task_id": self.aml_task_id, "state": record.state})  # type: ignore[no-untyped-call]  # Airflow has not typed it

    async def on_kill(self) -> None:
        """Take back what the killed task began, where that can be; anything else is bounded, and ends by itself."""
        if self.cancel_on_kill or self.delete_service is not None:
            await watch_of(self.address).beside(self.take_back)

    def take_back(self, workspace: Workspace) -> None:
        """Cancel the task and delete the service, as far as that was asked for."""
        from aml_plugins import Service, Task  # noqa: PLC0415  DAG files are parsed without them

        if self.cancel_on_kill:
            with suppress(InvalidInputError):  # it has ended, or somebody else has canceled it
                Task.get(workspace, self.aml_task_id).cancel()
        if self.delete_service is not None:
            with suppress(NotFoundError):  # somebody else has
                Service.get(workspace, self.delete_service).delete(wait=False)
