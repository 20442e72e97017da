"""Workspaces of a server; the functions are those of ``mlflow_store/workspaces.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aml_plugins.store.rest.asking import create, delete, pages
from aml_plugins.store.rest.connection import path_of
from aml_plugins.store.rest.store import connect

__all__ = [
    "create_workspace",
    "delete_workspace",
    "describe_workspaces",
    "list_workspaces",
    "set_description",
    "workspace_contents",
]


def create_workspace(uri: str, name: str, *, description: str | None = None) -> None:
    """Create a workspace.

    :raises InvalidInputError: for a name that MLflow does not allow.
    :raises AlreadyExistsError: where the name is taken.
    """
    create(connect(uri), "POST", path_of("workspaces"), {"name": name, "description": description})


def list_workspaces(uri: str) -> Sequence[str]:
    """Return the names of the workspaces that the caller may see, sorted."""
    return sorted(item["name"] for item in pages(connect(uri), path_of("workspaces")))


def describe_workspaces(uri: str) -> Mapping[str, str]:
    """Return the descriptions of the workspaces that the caller may see, by name; empty where there is none."""
    return {item["name"]: item["description"] or "" for item in pages(connect(uri), path_of("workspaces"))}


def set_description(uri: str, name: str, description: str) -> None:
    """Describe a workspace anew.

    :raises NotFoundError: where there is none of this name.
    """
    connect(uri).call("PATCH", path_of("workspaces", name), body={"description": description})


def workspace_contents(uri: str, name: str) -> Mapping[str, int]:
    """Count what lives in a workspace, by what users call it, in the plural; what there is none of is left out."""
    found: Mapping[str, int] = connect(uri).call("GET", path_of("workspaces", name, "contents")).value["contents"]
    return found


def delete_workspace(uri: str, name: str, *, with_contents: bool = False) -> None:
    """Delete a workspace.

    :param with_contents: also its experiments, runs and models.
    :raises InvalidInputError: for ``default``, for one that is not empty, and where runs in it have not ended.
    :raises NotFoundError: where there is none of this name.
    """
    delete(connect(uri), f"{path_of('workspaces', name)}?contents={str(with_contents).lower()}")
