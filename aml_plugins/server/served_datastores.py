"""Datastores as a server opens them for those who ask."""

from __future__ import annotations

from aml_plugins.datastores.contract import Datastore
from aml_plugins.datastores.directory import DirectoryDatastore
from aml_plugins.datastores.opening import DEFAULT_DATASTORE, open_datastore
from aml_plugins.errors import PermissionDeniedError
from aml_plugins.server.serving import Server

__all__ = ["served_datastore"]


def served_datastore(server: Server, workspace: str, name: str) -> Datastore:
    """Open a datastore, but no directory of the server's machine that its operator has not named.

    Owners of a workspace register datastores; the files of the server are not theirs to give.

    :raises PermissionDeniedError: for such a directory.
    """
    datastore = open_datastore(server.context, workspace, name)
    if isinstance(datastore, DirectoryDatastore) and name != DEFAULT_DATASTORE:
        root = datastore.root.resolve()
        if not any(root.is_relative_to(allowed) for allowed in server.settings.directories):
            raise PermissionDeniedError(
                f"The server does not serve the directory of the datastore '{name}'.",
                "Its operator can name directories in AML_SERVER_DIRECTORIES.",
            )
    return datastore
