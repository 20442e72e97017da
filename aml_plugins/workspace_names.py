"""Workspaces of a store, whatever it is: a database that MLflow opens here, or a server."""

from __future__ import annotations

from collections.abc import Sequence

from aml_plugins.store.opening import is_server

__all__ = ["create_workspace", "list_workspaces"]


def create_workspace(uri: str, name: str) -> None:
    """Create a workspace.

    :raises InvalidInputError: for a name that MLflow does not allow.
    :raises AlreadyExistsError: where the name is taken.
    """
    if is_server(uri):
        from aml_plugins.mlflow_rest.workspaces import create_workspace as create  # noqa: PLC0415  not for databases
    else:
        from aml_plugins.mlflow_store.workspaces import create_workspace as create  # noqa: PLC0415  MLflow costs seconds
    create(uri, name)


def list_workspaces(uri: str) -> Sequence[str]:
    """Return the names of the workspaces that the caller may see, sorted."""
    if is_server(uri):
        from aml_plugins.mlflow_rest.workspaces import list_workspaces as names  # noqa: PLC0415  not for databases
    else:
        from aml_plugins.mlflow_store.workspaces import list_workspaces as names  # noqa: PLC0415  MLflow costs seconds
    return names(uri)
