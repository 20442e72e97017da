"""The compute target type ``aks``: Jobs of a Kubernetes cluster, on Azure or anywhere; and services on such targets."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types", "aml_service_types"]


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


@hookimpl
def aml_service_types() -> Iterable[TypeDescription]:
    """Describe services of the type ``aks``."""
    return [
        TypeDescription(
            name="aks",
            factory="aml_backends.aks.services.backend:AksService",
            summary="Pods of a Kubernetes cluster, with autoscaling, behind a front that shares out requests.",
            extra="aks",
        )
    ]
