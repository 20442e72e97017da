"""Wait for a run, with its output in the trigger's log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import TriggerEvent  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.identity import ENDED
from aml_airflow.triggers.base import AmlBaseTrigger
from aml_airflow.watching.log import FollowedLog
from aml_airflow.watching.watch import watch_of

if TYPE_CHECKING:
    from aml_plugins import Workspace

__all__ = ["AmlRunTrigger"]


class AmlRunTrigger(AmlBaseTrigger):
    """Waits until a run has ended; drives it there where nobody else does.

    Its event is ``{"run_id", "state", "log_bytes"}``; the last is how much of the output is in the log already. Ending
    the triggerer never cancels a run. A user who marks the deferred task, or clears it, does.

    :param run_id: the run.
    :param log_bytes: how much of its output the task's log has already; None for a trigger that shows none of it.
    :param cancel_on_kill: False for a task that only waits for somebody else's run.
    """

    _written: ClassVar[tuple[str, ...]] = ("run_id", "log_bytes", "cancel_on_kill")

    def __init__(self, *, run_id: str, log_bytes: int | None = 0, cancel_on_kill: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.log_bytes = log_bytes
        self.cancel_on_kill = cancel_on_kill

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event once the run has ended, or cannot be found any more."""
        begun = time.monotonic()
        watch = watch_of(self.address)
        log = FollowedLog(watch, lambda line: self.log.info("%s", line), shown=self.log_bytes)
        async with watch.subscription("run", self.run_id, self.poll_interval) as subscription:
            while True:
                record = await subscription.news(within=log.pause())
                if record is None or record.state in ENDED:
                    break
                await log.read(record)
        await self.handed_over(begun)
        state = record.state if record is not None else "Missing"
        yield TriggerEvent({"run_id": self.run_id, "state": state, "log_bytes": log.shown})  # type: ignore[no-untyped-call]  # Airflow has not typed it

    async def on_kill(self) -> None:
        """Cancel the run: a user acted on the task. Whoever drives it sees it end; this triggerer, if nobody else."""
        if self.cancel_on_kill:
            await watch_of(self.address).see_to_end(self.run_id, self.take_back)

    def take_back(self, workspace: Workspace) -> None:
        """Ask for the run's cancellation, and leave it to whoever drives it."""
        if self.cancel_on_kill:
            workspace.get_run(self.run_id).cancel()
            workspace.driver.release()  # this thread's own: another one may have to take the lease
