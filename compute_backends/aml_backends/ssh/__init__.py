"""The compute target type ``ssh``: one or several Linux machines that SSH reaches."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``ssh``."""
    return [
        TypeDescription(
            name="ssh",
            factory="aml_backends.ssh.backend:SshBackend",
            summary="Runs scripts on Linux machines over SSH; they need Python 3.8 or newer and nothing of ours.",
            extra="ssh",
        )
    ]
