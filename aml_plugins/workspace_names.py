"""Workspaces of a store, whatever it is: a database that MLflow opens here, or a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from aml_plugins.store.opening import is_server

__all__ = [
    "create_workspace",
    "delete_workspace",
    "describe_workspaces",
    "list_workspaces",
    "set_description",
    "workspace_contents",
]


class _Workspaces(Protocol):
    """What ``mlflow_store/workspaces.py`` and ``mlflow_rest/workspaces.py`` have."""

    def create_workspace(self, uri: str, name: str, *, description: str | None = None) -> None: ...
    def delete_workspace(self, uri: str, name: str, *, with_contents: bool = False) -> None: ...
    def describe_workspaces(self, uri: str) -> Mapping[str, str]: ...
    def list_workspaces(self, uri: str) -> Sequence[str]: ...
    def set_description(self, uri: str, name: str, description: str) -> None: ...
    def workspace_contents(self, uri: str, name: str) -> Mapping[str, int]: ...


def create_workspace(uri: str, name: str, *, description: str | None = None) -> None:
    """Create a workspace.

    :raises InvalidInputError: for a name that MLflow does not allow.
    :raises AlreadyExistsError: where the name is taken.
    """
    if not is_server(uri):
        from aml_plugins.mlflow_tables.workspaces import add_workspace  # noqa: PLC0415  not for servers

        if add_workspace(uri, name, description):
            return
    _of(uri).create_workspace(uri, name, description=description)


def delete_workspace(uri: str, name: str, *, with_contents: bool) -> None:
    """Delete a workspace.

    :raises InvalidInputError: for one that is not empty, unless it goes with its contents.
    :raises NotFoundError: where there is none of this name.
    """
    _of(uri).delete_workspace(uri, name, with_contents=with_contents)


def describe_workspaces(uri: str) -> Mapping[str, str]:
    """Return the descriptions of the workspaces that the caller may see, by name; empty where there is none."""
    found = _read(uri)
    return _of(uri).describe_workspaces(uri) if found is None else found


def list_workspaces(uri: str) -> Sequence[str]:
    """Return the names of the workspaces that the caller may see, sorted."""
    found = _read(uri)
    return _of(uri).list_workspaces(uri) if found is None else sorted(found)


def set_description(uri: str, name: str, description: str) -> None:
    """Describe a workspace anew.

    :raises NotFoundError: where there is none of this name.
    """
    if not is_server(uri):
        from aml_plugins.mlflow_tables.workspaces import describe_workspace  # noqa: PLC0415  not for servers

        if describe_workspace(uri, name, description):
            return
    _of(uri).set_description(uri, name, description)


def workspace_contents(uri: str, name: str) -> Mapping[str, int]:
    """Count what MLflow keeps of a workspace, by what users call it, in the plural; what there is none of is left out.

    :raises NotFoundError: where there is none of this name.
    """
    if not is_server(uri):
        from aml_plugins.mlflow_tables.workspaces import count_contents  # noqa: PLC0415  not for servers

        found = count_contents(uri, name)
        if found is not None:
            return found
    return _of(uri).workspace_contents(uri, name)


def _read(uri: str) -> Mapping[str, str] | None:
    """Read a database's workspaces without MLflow; None for a server, and where MLflow has to look at the tables."""
    if is_server(uri):
        return None
    from aml_plugins.mlflow_tables.workspaces import described_workspaces  # noqa: PLC0415  not for servers

    return described_workspaces(uri)


def _of(uri: str) -> _Workspaces:
    if is_server(uri):
        from aml_plugins.mlflow_rest import workspaces  # noqa: PLC0415  not for databases

        return workspaces
    from aml_plugins.mlflow_store import workspaces as in_database  # noqa: PLC0415  MLflow costs seconds

    return in_database
