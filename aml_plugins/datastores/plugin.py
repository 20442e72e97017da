"""The built-in datastore types."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_datastore_types"]


@hookimpl
def aml_datastore_types() -> Iterable[TypeDescription]:
    """Describe where files can be kept."""
    return [
        TypeDescription(
            name="directory",
            factory="aml_plugins.datastores.directory:DirectoryDatastore",
            summary="A directory on this machine or on a file share that is mounted here.",
        ),
        TypeDescription(
            name="fsspec",
            factory="aml_plugins.datastores.fsspec_files:FsspecDatastore",
            summary="Anything that fsspec opens by a URL: S3, GCS, SFTP, HTTP and more.",
        ),
    ]
