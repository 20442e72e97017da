"""Tasks of creations and deletions: one for each thing that a user asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.errors import NotFoundError
from aml_plugins.store.records import ProvisioningRecord, TaskRecord

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["CREATION", "KIND", "task_id", "tell"]

KIND = "compute"
CREATION = 1
"""The request that a target's creation is; later ones are deletions."""

_REACHED = {"Queued": 0.0, "Running": 0.5, "Completed": 1.0}
"""Progress by state: asked for, being made or deleted, done. Steps, not time: no remote side says how long it takes."""


def task_id(record: ProvisioningRecord, request: int | None = None) -> str:
    """Return the id of the task that a request has; by default the newest one's."""
    return f"{KIND}-{record.operation_id[:12]}-{request or record.desired['request']}"


def tell(context: Context, record: ProvisioningRecord, state: str, message: str, *, request: int | None = None) -> None:
    """Move a task along. Its progress never goes back, and stays where it was when the task fails or is canceled."""
    before = _before(context, record, request)
    if before is not None and state == "Queued":
        return  # whoever drives it was faster than whoever asked
    reached = [_REACHED.get(state), before.progress if before is not None else None]
    context.store.tasks.put(
        TaskRecord(
            workspace=record.workspace,
            task_id=task_id(record, request),
            kind=KIND,
            subject=record.name,
            state=state,
            progress=max((step for step in reached if step is not None), default=None),
        ),
        message=message,
    )


def _before(context: Context, record: ProvisioningRecord, request: int | None) -> TaskRecord | None:
    try:
        return context.store.tasks.get(record.workspace, task_id(record, request))
    except NotFoundError:
        return None
