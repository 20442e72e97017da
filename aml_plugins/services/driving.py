"""Drive services: for who waits, and for the monitor."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError, LeaseLostError
from aml_plugins.home import home_id
from aml_plugins.services.reconciling import Step, is_settled
from aml_plugins.services.types import load_backend
from aml_plugins.store.holding import held
from aml_plugins.store.leases import new_owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aml_plugins.context import Context
    from aml_plugins.store.records import ServiceRecord

__all__ = ["ServiceWatch", "drive_once"]

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0


def drive_once(context: Context, record: ServiceRecord, owner: str) -> ServiceRecord | None:
    """Take a service one step, if nobody else drives it; return it as it is then, None once it is gone.

    A step that somebody's write came between has no harm done: the next one sees both.
    """
    with held(context.store.services, record, owner) as mine:
        found = _found(context, record)
        if not mine or found is None:
            return found
        try:
            return Step(context, found, owner).take()
        except LeaseLostError:
            return _found(context, record)


def _found(context: Context, record: ServiceRecord) -> ServiceRecord | None:
    services = context.store.services.list(record.workspace)
    return next((one for one in services if one.service_id == record.service_id), None)


class ServiceWatch:
    """All services of a store that this machine can drive: changes at once, health now and then."""

    def __init__(self, context: Context, workspace: str | None = None) -> None:
        self._context = context
        self._workspace = workspace
        self._owner = new_owner()
        self._looked: dict[str, float] = {}

    def has_work(self) -> bool:
        """Say whether a service is not yet what it shall be."""
        return any(not is_settled(record) for record in self._due())

    def round(self) -> tuple[int, bool]:
        """Take each due service one step; return how many are not what they shall be, and whether any moved."""
        unsettled, moved = 0, False
        for record in self._due():
            if is_settled(record) and time.monotonic() - self._looked.get(record.service_id, -1e9) < LOOK_SECONDS:
                continue
            self._looked[record.service_id] = time.monotonic()
            after = self._step(record)
            unsettled += after is not None and not is_settled(after)
            moved = moved or after is None or after.revision != record.revision
        return unsettled, moved

    def _step(self, record: ServiceRecord) -> ServiceRecord | None:
        try:
            return drive_once(self._context, record, self._owner)
        except AmlError as error:
            logger.warning("The service '%s' cannot be driven now: %s", record.name, error)
            return record

    def _due(self) -> Sequence[ServiceRecord]:
        due = self._context.store.services.due(self._owner, self._workspace)
        return [record for record in due if self._is_within_reach(record)]

    def _is_within_reach(self, record: ServiceRecord) -> bool:
        try:
            backend = load_backend(self._context, record.type)
        except AmlError:
            return False
        return not backend.is_local or record.desired.get("home") == home_id(self._context.home)
