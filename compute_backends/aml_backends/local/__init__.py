"""The compute target type ``local``: this machine."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``local``."""
    return [
        TypeDescription(
            name="local",
            factory="aml_backends.local.backend:LocalBackend",
            summary="Runs scripts on this machine, detached from the process that submits them.",
        )
    ]
