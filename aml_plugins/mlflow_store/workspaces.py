"""Workspaces of a store, with sentences for what people get wrong. Everything here is MLflow's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from mlflow.entities import Workspace  # noqa: TID253  a leaf: imported by functions that need MLflow
from mlflow.entities.workspace import WorkspaceDeletionMode  # noqa: TID253  as above
from mlflow.exceptions import MlflowException  # noqa: TID253  as above
from mlflow.store.workspace.abstract_store import AbstractStore, WorkspaceNameValidator  # noqa: TID253  as above
from mlflow.tracking._workspace.registry import get_workspace_store  # noqa: TID253  as above; opens each URI once
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME  # noqa: TID253  as above

from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.mlflow_store.failures import ours
from aml_plugins.mlflow_tables.workspaces import taken

__all__ = [
    "create_workspace",
    "delete_workspace",
    "describe_workspaces",
    "get_workspace",
    "has_workspace",
    "list_workspaces",
    "set_description",
    "workspace_contents",
    "workspace_description",
]


def create_workspace(uri: str, name: str, *, description: str | None = None) -> None:
    """Create a workspace.

    :raises InvalidInputError: for a name that MLflow does not allow.
    :raises AlreadyExistsError: where the name is taken.
    """
    _check_name(name)
    with ours():
        provider = _provider(uri)
        if name in _names(provider):
            raise taken(name)
        provider.create_workspace(Workspace(name=name, description=description))


def list_workspaces(uri: str) -> Sequence[str]:
    """Return the names of the workspaces that the caller may see, sorted."""
    with ours():
        return _names(_provider(uri))


def describe_workspaces(uri: str) -> Mapping[str, str]:
    """Return the descriptions of the workspaces that the caller may see, by name; empty where there is none."""
    with ours():
        return {found.name: found.description or "" for found in _provider(uri).list_workspaces()}


def workspace_description(uri: str, name: str) -> str | None:
    """Return a workspace's description; None where there is none, or no such workspace."""
    try:
        with ours():
            found: str | None = _provider(uri).get_workspace(name).description
    except NotFoundError:
        return None
    return found


def set_description(uri: str, name: str, description: str) -> None:
    """Describe a workspace anew.

    :raises NotFoundError: where there is none of this name.
    """
    with ours():
        _provider(uri).update_workspace(Workspace(name=name, description=description))


def workspace_contents(uri: str, name: str) -> Mapping[str, int]:
    """Count what MLflow keeps of a workspace, by what users call it, in the plural; what there is none of is left out.

    :raises NotFoundError: where there is none of this name.
    """
    get_workspace(uri, name)
    with ours():
        # Ours, as uri is a database's. Not by its class: importing its module hides the entry point of the same name.
        provider: Any = _provider(uri)
        found: Mapping[str, int] = provider.contents(name)
        return found


def has_workspace(uri: str, name: str) -> bool:
    """Say whether there is a workspace of this name."""
    if name == DEFAULT_WORKSPACE_NAME:
        return True
    try:
        WorkspaceNameValidator.validate(name)
        _provider(uri).get_workspace(name)
    except MlflowException as error:
        if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            with ours():
                raise
        return False
    return True


def get_workspace(uri: str, name: str) -> str:
    """Return the name if there is such a workspace.

    :raises NotFoundError: otherwise, with the name that was probably meant.
    """
    names = list_workspaces(uri)
    if name not in names:
        close = get_close_matches(name, names, n=1)
        fix = f"Did you mean '{close[0]}'?" if close else f"There is: {', '.join(names)}."
        raise NotFoundError(f"There is no workspace '{name}'.", fix)
    return name


def delete_workspace(uri: str, name: str, *, with_contents: bool = False) -> None:
    """Delete a workspace.

    :param with_contents: also its experiments, runs and models.
    :raises InvalidInputError: for ``default``, for one that is not empty, and where runs in it have not ended.
    :raises NotFoundError: where there is none of this name.
    """
    get_workspace(uri, name)
    if name == DEFAULT_WORKSPACE_NAME:
        raise InvalidInputError(f"The workspace '{name}' cannot be deleted.", "It is there for everyone; leave it.")
    mode = WorkspaceDeletionMode.CASCADE if with_contents else WorkspaceDeletionMode.RESTRICT
    with ours():
        _provider(uri).delete_workspace(name, mode)


def _provider(uri: str) -> AbstractStore:
    """Open ours for a plain database URI too: MLflow's own would leave our tables as they are."""
    ours_too = uri.startswith(("sqlite:", "postgresql:"))
    provider: AbstractStore = get_workspace_store(f"aml+{uri}" if ours_too else uri)
    return provider


def _names(provider: AbstractStore) -> Sequence[str]:
    return sorted(workspace.name for workspace in provider.list_workspaces())


def _check_name(name: str) -> None:
    try:
        WorkspaceNameValidator.validate(name)
    except MlflowException:
        raise InvalidInputError(
            f"'{name}' cannot be the name of a workspace.",
            "Use 2 to 63 of a-z, 0-9 and '-', with a letter or digit first and last; "
            "'api', 'ajax-api', 'static-files' and 'workspaces' are MLflow's.",
        ) from None
