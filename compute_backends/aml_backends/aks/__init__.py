"""The compute target type ``aks``: Jobs of a Kubernetes cluster, on Azure or anywhere."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``aks``."""
    return [
        TypeDescription(
            name="aks",
            factory="aml_backends.aks.backend:AksBackend",
            summary="Runs scripts as Jobs of a Kubernetes cluster, which it can create on Azure.",
            extra="aks",
        )
    ]
