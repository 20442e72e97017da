"""What is wanted of a created target, written beside whoever drives it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aml_plugins.errors import LeaseLostError, NotFoundError, OperationFailedError

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.records import ProvisioningRecord

__all__ = ["ensure_driven", "request"]

_ATTEMPTS = 20


def request(context: Context, record: ProvisioningRecord, changes: JsonObject) -> ProvisioningRecord:
    """Write down what is wanted now; whoever drives it may write at the same time.

    :raises NotFoundError: where the target is gone, and perhaps another one has its name.
    """
    store = context.store.provisionings
    for _ in range(_ATTEMPTS):
        found = store.find(record.workspace, record.name)
        if found is None or found.operation_id != record.operation_id:
            raise NotFoundError(f"The compute target '{record.name}' is gone.", "Look at: aml compute list")
        with suppress(LeaseLostError):
            return store.request(found, {**found.desired, **changes})
    raise OperationFailedError(f"The compute target '{record.name}' is being changed by others.", "Try again.")


def ensure_driven(context: Context) -> None:
    """See to it that a monitor does what is wanted."""
    from aml_plugins.runs.monitoring import ensure_monitor  # noqa: PLC0415  not needed where somebody waits

    ensure_monitor(context)
