"""The built-in image builders and container registries."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_container_registry_types", "aml_image_builder_types"]


@hookimpl
def aml_image_builder_types() -> Iterable[TypeDescription]:
    """Describe who builds images; the first needs nothing but this distribution."""
    return [
        TypeDescription(
            name="oci",
            factory="aml_plugins.images.oci_builder:OciBuilder",
            summary="Puts an image together from layers, without a daemon.",
        ),
        TypeDescription(
            name="docker",
            factory="aml_plugins.images.docker_builder:DockerBuilder",
            summary="Lets the Docker engine build, and install the environment inside the base image.",
            extra="docker",
        ),
    ]


@hookimpl
def aml_container_registry_types() -> Iterable[TypeDescription]:
    """Describe the registries that images are pushed to."""
    return [
        TypeDescription(
            name="oci",
            factory="aml_plugins.images.registry.generic:OciRegistry",
            summary="Any registry that speaks the OCI distribution protocol.",
        ),
        TypeDescription(
            name="directory",
            factory="aml_plugins.images.registry.directory:DirectoryRegistry",
            summary="A directory of OCI layouts, such as one on a shared file system.",
        ),
    ]
