"""The compute target type ``aci``: Azure Container Instances."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types"]


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
