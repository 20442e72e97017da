"""The compute target type ``azure-batch``: a pool of Azure Batch."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``azure-batch``."""
    return [
        TypeDescription(
            name="azure-batch",
            factory="aml_backends.azure_batch.backend:AzureBatchBackend",
            summary="Runs scripts as tasks of an Azure Batch pool, which it can create and scale to zero.",
            extra="azure-batch",
        )
    ]
