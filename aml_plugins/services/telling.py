"""Tasks of services: one for each thing that a user asked for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aml_plugins.errors import NotFoundError
from aml_plugins.json_types import JsonObject
from aml_plugins.store.records import ServiceRecord, TaskRecord

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["READY", "STARTED", "STARTING", "supersede", "task_id", "tell"]


def task_id(record: ServiceRecord, generation: int | None = None) -> str:
    """Return the id of the task that brings a service to a generation; by default to the one that is wanted."""
    return f"service-{record.service_id[:12]}-{generation or record.desired['generation']}"


STARTING, STARTED, READY = 0.2, 0.4, 0.8
"""Progress of a deployment: its version is written down, was started, is ready for requests. Steps, not time."""


def tell(context: Context, record: ServiceRecord, state: str, message: str, *, progress: float | None = None) -> None:
    """Move the task along.

    :param progress: None leaves it where it is; what is completed is done.
    """
    context.store.tasks.put(
        TaskRecord(
            workspace=record.workspace,
            task_id=task_id(record),
            kind="service",
            subject=record.name,
            state=state,
            progress={"Queued": 0.0, "Completed": 1.0}.get(state, progress),
            result=_result(record) if state == "Completed" else None,
        ),
        message=message,
    )


def supersede(context: Context, record: ServiceRecord, generation: int) -> None:
    """End the task of a request that a later one overtook."""
    with suppress(NotFoundError):
        task = context.store.tasks.get(record.workspace, task_id(record, generation))
        if task.state in ("Queued", "Running"):
            ended = replace(task, state="Canceled", message="A later request took its place.")
            context.store.tasks.put(ended)


def _result(record: ServiceRecord) -> JsonObject:
    if record.desired.get("deleted"):
        return {"deleted": record.name}
    return {"service": record.name, "image": record.desired["image"], "endpoint": record.endpoint}
