"""Drive creations and deletions: for who waits, and for the monitor."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from aml_plugins.compute.targets import load_backend_type
from aml_plugins.errors import AmlError, LeaseLostError, TransientBackendError
from aml_plugins.provisioning.reconciling import Step
from aml_plugins.runs.reconciliation.intervals import Pause
from aml_plugins.store.holding import held
from aml_plugins.store.leases import new_owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aml_plugins.context import Context
    from aml_plugins.store.records import ProvisioningRecord

__all__ = ["ProvisioningWatch", "asking_pause", "drive_once"]

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


def asking_pause() -> Pause:
    """Return the pauses between two looks at something that takes minutes."""
    return Pause(shortest=0.2, longest=10.0, growth=1.5)


def drive_once(context: Context, record: ProvisioningRecord, owner: str) -> ProvisioningRecord | None:
    """Take a target one step, if nobody else drives it; return it as it is then, None once it is gone.

    :raises TransientBackendError: where the remote side cannot be asked now.
    """
    try:
        with held(context.store.provisionings, record, owner) as mine:
            found = _found(context, record)
            return Step(context, found, owner).take() if mine and found is not None else found
    except LeaseLostError:  # somebody wrote in between, or it is gone: the next step sees what there is
        return _found(context, record)


def _found(context: Context, record: ProvisioningRecord) -> ProvisioningRecord | None:
    found = context.store.provisionings.find(record.workspace, record.name)
    return found if found is not None and found.operation_id == record.operation_id else None


class ProvisioningWatch:
    """All creations and deletions of a store, or of one workspace."""

    def __init__(self, context: Context, workspace: str | None = None) -> None:
        self._context = context
        self._workspace = workspace
        self._owner = new_owner()
        self._look_at = 0.0
        self._due: Sequence[ProvisioningRecord] = ()
        self._turns: dict[str, tuple[float, Pause]] = {}

    def has_work(self) -> bool:
        """Say whether something is on its way that nobody else drives."""
        return bool(self._find())

    def round(self) -> tuple[int, bool]:
        """Take each one step whose turn it is; return how many are on their way, and whether any moved."""
        if time.monotonic() >= self._look_at:
            self._due = self._find()
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._turns = {one.operation_id: self._turn(one) for one in self._due}
        moved = [self._step(record) for record in self._due if self._turn(record)[0] <= time.monotonic()]
        return len(self._due), any(moved)

    def _find(self) -> Sequence[ProvisioningRecord]:
        """Return what is due and of a type that is installed here: a machine without the plugin must not fail it."""
        due = self._context.store.provisionings.due(self._owner, self._workspace)
        return [record for record in due if self._is_installed(record.type)]

    def _is_installed(self, type_name: str) -> bool:
        try:
            load_backend_type(self._context.plugins, type_name)
        except AmlError:
            return False
        return True

    def _step(self, record: ProvisioningRecord) -> bool:
        pause = self._turn(record)[1]
        try:
            after, asked = drive_once(self._context, record, self._owner), 0.0
        except TransientBackendError as error:
            logger.info("The compute target '%s': %s", record.name, error)
            after, asked = record, error.retry_after or 0.0
        except AmlError as error:
            logger.warning("The compute target '%s' cannot be driven now: %s", record.name, error)
            after, asked = record, 0.0
        self._turns[record.operation_id] = (time.monotonic() + max(asked, pause.seconds()), pause)
        return after is None or after.revision != record.revision

    def _turn(self, record: ProvisioningRecord) -> tuple[float, Pause]:
        return self._turns.get(record.operation_id) or (0.0, asking_pause())
