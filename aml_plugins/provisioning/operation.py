"""Create and delete compute targets in Python."""

from __future__ import annotations

import getpass
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aml_plugins.compute.abilities import SupportsProvisioning
from aml_plugins.compute.targets import find_target, load_backend_type, make_backend, validate_config
from aml_plugins.errors import (
    AlreadyExistsError,
    InvalidInputError,
    LeaseLostError,
    NotFoundError,
    OperationFailedError,
    TransientBackendError,
)
from aml_plugins.names import check_name
from aml_plugins.provisioning.driving import asking_pause, drive_once
from aml_plugins.provisioning.reconciling import FAILED
from aml_plugins.provisioning.telling import CREATION, task_id, tell
from aml_plugins.store.leases import new_owner
from aml_plugins.store.records import ComputeTargetRecord, ProvisioningRecord
from aml_plugins.workspaces.settings import check_open

if TYPE_CHECKING:
    from aml_plugins.compute.backend import ComputeBackend
    from aml_plugins.json_types import JsonObject
    from aml_plugins.tasks.task import Task
    from aml_plugins.workspace import Workspace

__all__ = ["ComputeOperation", "create_compute", "delete_compute", "find_operation", "plan_compute"]

_REQUEST_ATTEMPTS = 20
NESTED = "create"


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
        """
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
        _request(self.workspace, self.record, {"absent": True, "canceled": True})
        _ensure_driven(self.workspace)

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


def create_compute(
    workspace: Workspace,
    type_name: str,
    name: str,
    settings: Mapping[str, Any],
    *,
    timeout_seconds: float,
    wait: bool,
    maker: str,
) -> ComputeOperation:
    """Write down that a target shall be created, and see to it that somebody does; see ``Workspace.create_compute``."""
    target, _ = _checked(workspace, type_name, name, settings)
    operation = _same_as_before(workspace, target)
    if operation is None:
        record = ProvisioningRecord(
            workspace=workspace.name,
            name=name,
            operation_id=uuid.uuid4().hex,
            type=type_name,
            desired={"request": CREATION, "absent": False, "timeout_seconds": timeout_seconds},
            user=_user(),
            maker=maker,
        )
        operation = ComputeOperation(workspace, workspace.context.store.provisionings.add(record, target))
        tell(workspace.context, operation.record, "Queued", f"Create {type_name} '{name}'.")
    return _under_way(operation, wait=wait)


def plan_compute(workspace: Workspace, type_name: str, name: str, settings: Mapping[str, Any]) -> JsonObject:
    """Return what would be asked of the remote side."""
    return _checked(workspace, type_name, name, settings)[1].target_plan()


def delete_compute(workspace: Workspace, name: str, *, wait: bool) -> ComputeOperation:
    """Write down that a created target shall go; see ``Workspace.delete_compute``."""
    found = find_operation(workspace, name)
    if found is None:
        find_target(workspace.context.store, workspace.name, name)
        raise InvalidInputError(
            f"The compute target '{name}' was attached, not created: what it stands for is not deleted.",
            f"Detach it with: aml compute detach {name}",
        )
    record = found.record
    if not (record.desired.get("absent") and not record.settled):
        request = int(str(record.desired["request"])) + 1
        record = _request(workspace, record, {"absent": True, "canceled": False, "request": request})
        tell(workspace.context, record, "Queued", f"Delete '{name}'.")
    return _under_way(ComputeOperation(workspace, record), wait=wait)


def find_operation(workspace: Workspace, name: str) -> ComputeOperation | None:
    """Return what was asked for last of a created target; None for one that was attached."""
    found = workspace.context.store.provisionings.find(workspace.name, name)
    return None if found is None else ComputeOperation(workspace, found)


def _checked(
    workspace: Workspace, type_name: str, name: str, settings: Mapping[str, Any]
) -> tuple[ComputeTargetRecord, SupportsProvisioning]:
    """Check everything that can be checked here; a plan refuses what Azure would."""
    check_name("compute target", name)
    check_open(workspace.context.store, workspace.name)
    backend_type = load_backend_type(workspace.context.plugins, type_name)
    if not issubclass(backend_type, SupportsProvisioning):
        raise InvalidInputError(
            f"Compute targets of type '{type_name}' cannot be created here.",
            f"Attach one that is there with: aml compute attach {type_name} {name}",
        )
    config = validate_config(backend_type, type_name, _nested(backend_type, settings))
    values = config.model_dump(mode="json", exclude_unset=True)
    record = ComputeTargetRecord(workspace=workspace.name, name=name, type=type_name, config=values)
    backend = make_backend(workspace.context, record)
    assert isinstance(backend, SupportsProvisioning)  # noqa: S101  its class was asked above
    backend.target_plan()
    return record, backend


def _nested(backend_type: type[ComputeBackend], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Take settings of the section ``create`` without its name: here everything is about creating."""
    known = backend_type.config_model.model_fields
    if NESTED not in known or isinstance(settings.get(NESTED), str):
        return dict(settings)
    inner = {key: value for key, value in settings.items() if key not in known}
    outer = {key: value for key, value in settings.items() if key in known}
    return {**outer, NESTED: {**(settings.get(NESTED) or {}), **inner}}


def _same_as_before(workspace: Workspace, target: ComputeTargetRecord) -> ComputeOperation | None:
    """Return the creation of the very same target, which is asked for again; None where there is nothing."""
    found = find_operation(workspace, target.name)
    if found is None:
        return None
    there = find_target(workspace.context.store, workspace.name, target.name)
    if (there.type, dict(there.config)) != (target.type, dict(target.config)) or found.record.desired.get("absent"):
        raise AlreadyExistsError(
            f"The compute target '{target.name}' exists already, with other settings or on its way out.",
            f"Choose another name, or delete it first with: aml compute delete {target.name}",
        )
    return found


def _request(workspace: Workspace, record: ProvisioningRecord, changes: JsonObject) -> ProvisioningRecord:
    """Write down what is wanted now; whoever drives it may write at the same time."""
    store = workspace.context.store.provisionings
    for _ in range(_REQUEST_ATTEMPTS):
        found = store.find(workspace.name, record.name)
        if found is None or found.operation_id != record.operation_id:
            raise NotFoundError(f"The compute target '{record.name}' is gone.", "Look at: aml compute list")
        with suppress(LeaseLostError):
            return store.request(found, {**found.desired, **changes})
    raise OperationFailedError(f"The compute target '{record.name}' is being changed by others.", "Try again.")


def _under_way(operation: ComputeOperation, *, wait: bool) -> ComputeOperation:
    if wait:
        operation.wait_for_completion()
    elif not operation.record.settled:
        _ensure_driven(operation.workspace)
    return operation


def _ensure_driven(workspace: Workspace) -> None:
    from aml_plugins.runs.monitoring import ensure_monitor  # noqa: PLC0415  not needed where somebody waits

    ensure_monitor(workspace.context)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
