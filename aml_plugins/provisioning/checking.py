"""A compute target that shall be created: everything about it that can be checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.compute.abilities import SupportsProvisioning
from aml_plugins.compute.targets import load_backend_type, make_backend, validate_config
from aml_plugins.errors import InvalidInputError
from aml_plugins.names import check_name
from aml_plugins.store.records import ComputeTargetRecord
from aml_plugins.workspaces.settings import check_open

if TYPE_CHECKING:
    from aml_plugins.compute.backend import ComputeBackend
    from aml_plugins.context import Context

__all__ = ["checked_target"]

NESTED = "create"


def checked_target(
    context: Context, workspace: str, type_name: str, name: str, settings: Mapping[str, Any]
) -> tuple[ComputeTargetRecord, SupportsProvisioning]:
    """Return the row of the target, not written yet, and what creates it; its plan refuses what the cloud would.

    :raises InvalidInputError: for what cannot be created.
    """
    check_name("compute target", name)
    check_open(context.store, workspace)
    backend_type = load_backend_type(context.plugins, type_name)
    if not issubclass(backend_type, SupportsProvisioning):
        raise InvalidInputError(
            f"Compute targets of type '{type_name}' cannot be created here.",
            f"Attach one that is there with: aml compute attach {type_name} {name}",
        )
    config = validate_config(backend_type, type_name, _nested(backend_type, settings))
    values = config.model_dump(mode="json", exclude_unset=True)
    record = ComputeTargetRecord(workspace=workspace, name=name, type=type_name, config=values)
    backend = make_backend(context, record)
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
