"""What of Azure is no compute target: storage, Key Vault, Azure Monitor, Container Registry; and what targets share."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = [
    "aml_container_registry_types",
    "aml_datastore_types",
    "aml_image_builder_types",
    "aml_secret_store_types",
    "aml_telemetry_exporter_types",
]


@hookimpl
def aml_datastore_types() -> Iterable[TypeDescription]:
    """Describe Azure's storage."""
    return [
        TypeDescription(
            name="azure-blob",
            factory="aml_backends.azure.storage.blob:BlobDatastore",
            summary="A container of Azure Blob Storage.",
            extra="azure",
        ),
        TypeDescription(
            name="azure-file-share",
            factory="aml_backends.azure.storage.share:ShareDatastore",
            summary="A share of Azure Files.",
            extra="azure",
        ),
    ]


@hookimpl
def aml_secret_store_types() -> Iterable[TypeDescription]:
    """Describe Key Vault."""
    return [
        TypeDescription(
            name="azure-key-vault",
            factory="aml_backends.azure.key_vault:KeyVaultSecrets",
            summary="Azure Key Vault.",
            extra="azure",
        )
    ]


@hookimpl
def aml_telemetry_exporter_types() -> Iterable[TypeDescription]:
    """Describe Azure Monitor."""
    return [
        TypeDescription(
            name="azure-monitor",
            factory="aml_backends.azure.monitor:AzureMonitorExporter",
            summary="Application Insights of Azure Monitor.",
            extra="azure",
        )
    ]


@hookimpl
def aml_container_registry_types() -> Iterable[TypeDescription]:
    """Describe Container Registry."""
    return [
        TypeDescription(
            name="acr",
            factory="aml_backends.azure.container_registry:AcrRegistry",
            summary="Azure Container Registry, entered with an Azure login or its admin user.",
            extra="azure",
        )
    ]


@hookimpl
def aml_image_builder_types() -> Iterable[TypeDescription]:
    """Describe Container Registry's tasks."""
    return [
        TypeDescription(
            name="acr-tasks",
            factory="aml_backends.azure.acr_tasks.builder:AcrTasksBuilder",
            summary="Lets an Azure Container Registry build, by its tasks.",
            extra="azure",
        ),
    ]
