"""The secret stores that come with us."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_secret_store_types"]


@hookimpl
def aml_secret_store_types() -> Iterable[TypeDescription]:
    """Describe where secrets can be kept."""
    return [
        TypeDescription(
            name="env",
            factory="aml_plugins.secrets.environment:EnvironmentSecrets",
            summary="The environment of the process that needs the value.",
        ),
        TypeDescription(
            name="file",
            factory="aml_plugins.secrets.file:FileSecrets",
            summary="An encrypted file on this machine.",
            extra="server",
        ),
    ]
