"""The built-in service types."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_service_types"]


@hookimpl
def aml_service_types() -> Iterable[TypeDescription]:
    """Describe the services of this machine."""
    return [
        TypeDescription(
            name="local",
            factory="aml_plugins.services.loopback.process:LocalService",
            summary="Processes of this machine, on its loopback address.",
            extra="scoring",
        ),
        TypeDescription(
            name="docker",
            factory="aml_plugins.services.loopback.container:DockerService",
            summary="Containers of this machine's Docker engine, on its loopback address.",
            extra="docker",
        ),
    ]
