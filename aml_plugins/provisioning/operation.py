"""The creation or deletion of a compute target, in Python."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError, OperationFailedError, TransientBackendError
from aml_plugins.provisioning.driving import asking_pause, drive_once
from aml_plugins.provisioning.reconciling import FAILED
from aml_plugins.provisioning.requesting import ensure_driven, request
from aml_plugins.provisioning.telling import CREATION, task_id
from aml_plugins.store.leases import new_owner
from aml_plugins.store.records import ProvisioningRecord

if TYPE_CHECKING:
    from aml_plugins.tasks.task import Task
    from aml_plugins.workspace import Workspace

__all__ = ["ComputeOperation", "find_operation"]


class ComputeOperation:
    """A compute target's creation or deletion. It goes on whether anybody waits or not.

    :param record: as of the last look.
    """

    def __init__(self, workspace: Workspace, record: ProvisioningRecord) -> None:
        self.workspace = workspace
        self.record = record
        self.name = record.name
        self._task_id = task_id(record)

    def __repr__(self) -> str:
        return f"ComputeOperation(name={self.name!r}, state={self.record.state!r})"

    @property
    def task(self) -> Task:
        """Its task: state, progress, messages."""
        from aml_plugins.tasks.task import Task  # noqa: PLC0415  they know each other

        return Task.get(self.workspace, self._task_id)

    @property
    def maker(self) -> str:
        """What began the target's creation, in its own words; empty where nobody said."""
        return self.record.maker

    @property
    def state(self) -> str:
        """The target's state now: Creating, Ready, Deleting, Failing, Failed; Deleted once it is gone."""
        found = self.workspace.context.store.provisionings.find(self.workspace.name, self.name)
        return found.state if found is not None and found.operation_id == self.record.operation_id else "Deleted"

    def wait_for_completion(self, *, show_output: bool = False, timeout: float | None = None) -> None:
        """Return once it is done; drive it there where nobody does.

        :param show_output: print what happens.
        :param timeout: seconds to wait.
        :raises OperationFailedError: where it failed, was canceled, or the time is up; in the last case it goes on.
        :raises KeyboardInterrupt: on Ctrl-C; a monitor goes on with it.
        """
        from aml_plugins.runs.monitoring import going_on  # noqa: PLC0415  not needed by who reads

        words = f"the compute target {self.name} goes on becoming what was asked for; see: aml compute show {self.name}"
        with going_on(self.workspace.context, words):
            self._wait(timeout, show_output=show_output)

    def _wait(self, timeout: float | None, *, show_output: bool) -> None:
        owner, pause, shown = new_owner(), asking_pause(), ""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (record := self._driven(owner)) is not None and not record.settled:
            if show_output and record.reason and record.reason != shown:
                print(record.reason, flush=True)  # noqa: T201  what show_output asks for
            shown = record.reason or shown
            if deadline is not None and time.monotonic() > deadline:
                raise OperationFailedError(f"The compute target '{self.name}' is not done in time.", "It goes on.")
            moved = record.revision != self.record.revision
            self.record = record
            if not moved:
                time.sleep(pause.seconds())
        self._conclude(record, show_output=show_output)

    def cancel(self) -> None:
        """Ask for the end of a creation; what there is of the target is deleted.

        :raises InvalidInputError: for a target that is there, and for a deletion.
        """
        if self._task_id != task_id(self.record, CREATION) or self.state not in {"Creating", "Failing"}:
            raise InvalidInputError(
                f"Nothing that can be canceled is under way for the compute target '{self.name}'.",
                f"To delete it: aml compute delete {self.name}",
            )
        request(self.workspace.context, self.record, {"absent": True, "canceled": True})
        ensure_driven(self.workspace.context)

    def _driven(self, owner: str) -> ProvisioningRecord | None:
        try:
            return drive_once(self.workspace.context, self.record, owner)
        except TransientBackendError as error:
            time.sleep(error.retry_after or 0.0)
            return self.record

    def _conclude(self, record: ProvisioningRecord | None, *, show_output: bool) -> None:
        task = self.task
        if show_output:
            print(task.message, flush=True)  # noqa: T201  as above
        if (record is not None and record.state == FAILED) or task.state in {"Failed", "Canceled"}:
            raise OperationFailedError(f"The compute target '{self.name}': {task.message}")
        if record is not None:
            self.record = record


def find_operation(workspace: Workspace, name: str) -> ComputeOperation | None:
    """Return what was asked for last of a created target; None for one that was attached."""
    found = workspace.context.store.provisionings.find(workspace.name, name)
    return None if found is None else ComputeOperation(workspace, found)
