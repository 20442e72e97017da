"""The built-in datastore types."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_datastore_types"]


@hookimpl
def aml_datastore_types() -> Iterable[TypeDescription]:
    """Describe the datastores that need nothing but this distribution."""
    return [
        TypeDescription(
            name="directory",
            factory="aml_plugins.datastores.directory:DirectoryDatastore",
            summary="A directory on this machine or on a file share that is mounted here.",
        )
    ]
