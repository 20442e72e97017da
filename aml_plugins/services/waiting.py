"""Wait for a service, and drive it where nobody does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aml_plugins.errors import NotFoundError, OperationFailedError
from aml_plugins.runs.reconciliation.intervals import Pause
from aml_plugins.services.driving import drive_once
from aml_plugins.services.reconciling import FAILED, is_settled
from aml_plugins.store.leases import new_owner

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import ServiceRecord

__all__ = ["check_arrived", "wait_until_gone", "wait_until_settled"]

_LONGEST = 0.5


def wait_until_settled(context: Context, record: ServiceRecord, *, show_output: bool) -> ServiceRecord:
    """Return the service once it is what it shall be, or has failed to become it.

    :param show_output: print how it is, whenever that changes.
    :raises NotFoundError: where it is deleted meanwhile.
    """
    owner, pause, shown = new_owner(), Pause(longest=_LONGEST), ""
    while True:
        found = drive_once(context, record, owner)
        if found is None:
            raise NotFoundError(f"The service '{record.name}' was deleted.")
        line = f"{found.state}: {found.reason or found.desired['image']}"
        if show_output and line != shown:
            print(line, flush=True)  # noqa: T201  what show_output asks for
        moved = found.revision != record.revision
        record, shown = found, line
        if is_settled(record):
            return record
        pause.reset() if moved else time.sleep(pause.seconds())


def check_arrived(record: ServiceRecord, generation: object) -> None:
    """Refuse a service that did not become what was asked for.

    :param generation: the number of the request that was waited for.
    :raises OperationFailedError: saying whether an earlier version serves on.
    """
    failed = record.generation == generation and record.error_code is not None
    if record.state == FAILED or failed:
        done = "deployed" if record.state == FAILED else "updated"
        raise OperationFailedError(
            f"The service '{record.name}' was not {done}. {record.reason}", f"See: aml service logs {record.name}"
        )


def wait_until_gone(context: Context, record: ServiceRecord) -> None:
    """Return once a service that is to be deleted is gone."""
    owner, pause = new_owner(), Pause(longest=_LONGEST)
    while drive_once(context, record, owner) is not None:
        time.sleep(pause.seconds())
