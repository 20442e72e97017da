"""The compute target type ``docker``: containers on this machine's engine."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``docker``."""
    return [
        TypeDescription(
            name="docker",
            factory="aml_backends.docker.backend:DockerBackend",
            summary="Runs scripts in containers on this machine, in the image of the run configuration.",
            extra="docker",
        )
    ]
