"""What all triggers have: a workspace, one loop a workspace, and nothing that must not be written down."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import BaseTrigger  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.address import DEFAULT_CONNECTION, Address

if TYPE_CHECKING:
    from aml_plugins import Workspace

__all__ = ["AmlBaseTrigger"]

_HAND_OVER_SECONDS = 4.0
"""How long a scheduler may take to hear from its executor that the worker let go of a task that deferred.

A trigger that fires before leads to a failed task: in Airflow 3.3 the scheduler's ``process_executor_events`` takes the
worker's end for the end of the task that it has just queued again.
"""


class AmlBaseTrigger(BaseTrigger):
    """Waits for something in a workspace. Whatever the number of triggers, a triggerer asks each workspace once.

    :param aml_conn_id: a connection of the type ``aml``.
    :param workspace: a workspace, in place of the connection's.
    :param store: a store's URI without a password, in place of the connection's.
    :param poll_interval: seconds between two looks at most.
    """

    _written: ClassVar[tuple[str, ...]] = ()
    """The constructor's own parameters, all of which are attributes."""

    def __init__(
        self,
        *,
        aml_conn_id: str = DEFAULT_CONNECTION,
        workspace: str | None = None,
        store: str | None = None,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow has not typed it
        self.address = Address(aml_conn_id=aml_conn_id, workspace=workspace, store=store)
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the arguments that make this trigger again: names and numbers, no secret."""
        kind = type(self)
        own = {name: getattr(self, name) for name in self._written}
        arguments = {**own, **self.address.to_dict(), "poll_interval": self.poll_interval}
        return f"{kind.__module__}.{kind.__qualname__}", arguments

    async def handed_over(self, since: float) -> None:
        """Return once the scheduler knows that the task deferred.

        :param since: when ``run`` began, by the monotonic clock.
        """
        await asyncio.sleep(max(0.0, since + _HAND_OVER_SECONDS - time.monotonic()))

    def take_back(self, workspace: Workspace) -> None:
        """End what a killed task began and this trigger waits for; asked in any thread, and more than once."""
