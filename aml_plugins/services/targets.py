"""From what a user names as ``target`` to a service type, and to the compute target that its services live on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.services.contract import ServiceBackend

__all__ = ["check_place", "find_place"]

_TYPES = "aml_service_types"


def find_place(context: Context, workspace: str, target: str) -> tuple[str, str | None]:
    """Return the service type, and the attached compute target of that name; None where it is a type's own name.

    :raises InvalidInputError: for a target that runs no services.
    """
    types = context.plugins.types(_TYPES)
    attached = {record.name: record.type for record in context.store.compute_targets.list(workspace)}
    if target in attached:
        if attached[target] in types:
            return attached[target], target
        raise InvalidInputError(
            f"The compute target '{target}' (type {attached[target]}) runs no services.",
            f"Service types: {', '.join(sorted(types))}.",
        )
    return target, None


def check_place(backend: ServiceBackend, target: str | None) -> None:
    """Refuse a type that needs a compute target where none is named.

    :raises InvalidInputError: saying how to attach one.
    """
    if backend.needs_target and target is None:
        name = backend.type_name
        raise InvalidInputError(
            f"A service of type '{name}' lives on a compute target of that type, and '{name}' is none.",
            f"Attach one: aml compute attach {name} NAME; then deploy with --target NAME.",
        )
