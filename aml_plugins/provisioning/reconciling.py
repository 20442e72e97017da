"""Take a compute target to what it shall be, one step at a time: the only code that writes what it is.

Each step is safe to repeat: a backend knows what it created by a mark on it, and why something has to go is written
down before it goes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aml_plugins.compute.abilities import SupportsProvisioning
from aml_plugins.errors import (
    AlreadyExistsError,
    AmlError,
    BackendError,
    OperationFailedError,
    PluginError,
    StoreError,
    TransientBackendError,
)
from aml_plugins.provisioning.telling import CREATION, tell

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import ProvisioningRecord

__all__ = ["CREATING", "DELETING", "FAILED", "FAILING", "READY", "Step"]

CREATING, READY, FAILING, DELETING, FAILED = "Creating", "Ready", "Failing", "Deleting", "Failed"


class Step:
    """One look at one target by the holder of its lease."""

    def __init__(self, context: Context, record: ProvisioningRecord, owner: str) -> None:
        self._context = context
        self._owner = owner
        self._record = record

    def take(self) -> ProvisioningRecord | None:
        """Go one step; return the creation as it is now, None once the target is gone.

        :raises StoreError: where the database is away or somebody wrote meanwhile: look again later.
        :raises TransientBackendError: where the remote side cannot be asked now: likewise.
        """
        if self._record.settled:
            return self._record
        try:
            return self._leave() if self._record.desired.get("absent") else self._come()
        except (StoreError, TransientBackendError):
            raise
        except AmlError as error:
            return self._fail(error)
        except Exception as error:  # noqa: BLE001  a plugin's: the operation must end with its reason all the same
            return self._fail(PluginError(f"{type(error).__name__}: {error}"))

    def _come(self) -> ProvisioningRecord | None:
        if self._record.state == FAILING:
            return self._clear()
        if self._record.reason is None:
            self._note(CREATING, f"The compute target '{self._record.name}' is being created.")
        if self._backend().ensure_target():
            tell(self._context, self._record, "Completed", f"The compute target '{self._record.name}' is ready.")
            return self._save(state=READY, settled=True, reason=None, error_code=None)
        if self._is_late():
            raise OperationFailedError(f"It was not ready after {self._limit():.0f} seconds.")
        return self._record

    def _clear(self) -> ProvisioningRecord | None:
        """Delete what a creation left that failed: half a cluster costs as much as a whole one."""
        if not self._backend().delete_target():
            return self._record
        return self._end("Failed", f"{self._record.reason} Nothing is left of it.")

    def _leave(self) -> ProvisioningRecord | None:
        desired, name = self._record.desired, self._record.name
        if self._record.state != DELETING:
            if self._record.state == CREATING and desired["request"] != CREATION:
                said = "Canceled: the target is being deleted."
                tell(self._context, self._record, "Canceled", said, request=CREATION)
            self._note(DELETING, f"The compute target '{name}' is being deleted.")
        if not self._backend().delete_target():
            return self._record
        if desired.get("canceled"):
            return self._end("Canceled", f"The creation of '{name}' was canceled; nothing is left of it.")
        return self._end("Completed", f"The compute target '{name}' is deleted.")

    def _fail(self, error: AmlError) -> ProvisioningRecord | None:
        if isinstance(error, AlreadyExistsError):  # somebody else's: nothing of ours is there
            return self._end("Failed", str(error))
        if self._record.state == CREATING and not self._record.desired.get("absent"):
            return self._save(state=FAILING, reason=str(error), error_code=error.code)
        before = f"{self._record.reason} " if self._record.state == FAILING else ""
        left = f"{before}What was created could not be deleted, and may cost money: {error}"
        tell(self._context, self._record, "Failed", f"{left} Try again with: aml compute delete {self._record.name}")
        return self._save(state=FAILED, settled=True, reason=left, error_code=error.code)

    def _end(self, state: str, message: str) -> ProvisioningRecord | None:
        tell(self._context, self._record, state, message)
        self._context.store.provisionings.remove(self._record, owner=self._owner)
        self._context.backends.forget(self._record.workspace, self._record.name)
        return None

    def _note(self, state: str, message: str) -> None:
        tell(self._context, self._record, "Running", message)
        self._save(state=state, reason=message)

    def _backend(self) -> SupportsProvisioning:
        backend = self._context.backends.get(self._record.workspace, self._record.name)
        if not isinstance(backend, SupportsProvisioning):
            raise BackendError(f"The installed plugin for '{self._record.type}' creates and deletes nothing.")
        return backend

    def _limit(self) -> float:
        return float(str(self._record.desired.get("timeout_seconds", 3600)))

    def _is_late(self) -> bool:
        return self._context.sightings.seconds(self._record.operation_id) > self._limit()

    def _save(self, **values: Any) -> ProvisioningRecord:
        changed = replace(self._record, **values)
        self._record = self._context.store.provisionings.save(changed, owner=self._owner)
        return self._record
