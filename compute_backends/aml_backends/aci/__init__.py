"""The compute target type ``aci``: Azure Container Instances; and services on such targets."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types", "aml_service_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``aci``."""
    return [
        TypeDescription(
            name="aci",
            factory="aml_backends.aci.backend:AciBackend",
            summary="Runs each script in a container group of its own: nothing to keep, nothing to pay when idle.",
            extra="aci",
        )
    ]


@hookimpl
def aml_service_types() -> Iterable[TypeDescription]:
    """Describe services of the type ``aci``."""
    return [
        TypeDescription(
            name="aci",
            factory="aml_backends.aci.services.backend:AciService",
            summary="A container group for each version, behind one that has the address and shares out requests.",
            extra="aci",
        )
    ]
