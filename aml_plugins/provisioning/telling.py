"""Tasks of creations and deletions: one for each thing that a user asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Move a task along. Its progress stays where it was when the task fails or is canceled."""
    context.store.tasks.put(
        TaskRecord(
            workspace=record.workspace,
            task_id=task_id(record, request),
            kind=KIND,
            subject=record.name,
            state=state,
            progress=_REACHED.get(state),
            result={"target": record.name, "type": record.type} if state == "Completed" else None,
        ),
        message=message,
    )
