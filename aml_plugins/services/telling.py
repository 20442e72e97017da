"""Tasks of services: one for each thing that a user asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.store.records import ServiceRecord, TaskRecord

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["task_id", "tell"]


def task_id(record: ServiceRecord, generation: int | None = None) -> str:
    """Return the id of the task that brings a service to a generation; by default to the one that is wanted."""
    return f"service-{record.service_id[:12]}-{generation or record.desired['generation']}"


def tell(context: Context, record: ServiceRecord, state: str, message: str) -> None:
    """Move the task along."""
    context.store.tasks.put(
        TaskRecord(
            workspace=record.workspace,
            task_id=task_id(record),
            kind="service",
            subject=record.name,
            state=state,
            progress=1.0 if state == "Completed" else None,
        ),
        message=message,
    )
