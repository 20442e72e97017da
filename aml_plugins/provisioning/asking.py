"""Create and delete compute targets in Python: what is asked for is written down; whoever drives the target does it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.compute.targets import find_target
from aml_plugins.errors import AlreadyExistsError, InvalidInputError
from aml_plugins.provisioning.checking import checked_target
from aml_plugins.provisioning.operation import ComputeOperation, find_operation
from aml_plugins.provisioning.requesting import ensure_driven, request
from aml_plugins.provisioning.telling import CREATION, tell
from aml_plugins.store.records import ComputeTargetRecord, ProvisioningRecord
from aml_plugins.user import user_name

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.workspace import Workspace

__all__ = ["create_compute", "delete_compute", "plan_compute"]


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
    target, _ = checked_target(workspace.context, workspace.name, type_name, name, settings)
    operation = _same_as_before(workspace, target)
    if operation is None:
        record = ProvisioningRecord(
            workspace=workspace.name,
            name=name,
            operation_id=uuid.uuid4().hex,
            type=type_name,
            desired={"request": CREATION, "absent": False, "timeout_seconds": timeout_seconds},
            user=user_name(),
            maker=maker,
        )
        operation = ComputeOperation(workspace, workspace.context.store.provisionings.add(record, target))
        tell(workspace.context, operation.record, "Queued", f"Create {type_name} '{name}'.")
    return _under_way(operation, wait=wait)


def plan_compute(workspace: Workspace, type_name: str, name: str, settings: Mapping[str, Any]) -> JsonObject:
    """Return what would be asked of the remote side."""
    return checked_target(workspace.context, workspace.name, type_name, name, settings)[1].target_plan()


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
        number = int(str(record.desired["request"])) + 1
        record = request(workspace.context, record, {"absent": True, "canceled": False, "request": number})
        tell(workspace.context, record, "Queued", f"Delete '{name}'.")
    return _under_way(ComputeOperation(workspace, record), wait=wait)


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


def _under_way(operation: ComputeOperation, *, wait: bool) -> ComputeOperation:
    if wait:
        operation.wait_for_completion()
    elif not operation.record.settled:
        ensure_driven(operation.workspace.context)
    return operation
