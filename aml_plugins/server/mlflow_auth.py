# mypy: allow-untyped-calls
# MLflow's authentication is not annotated.
"""MLflow's users and roles as they stand in front of our routes: who is asking, and what he is in a workspace."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from flask import Response
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES  # noqa: TID253  a leaf: the server imports it
from mlflow.exceptions import MlflowException  # noqa: TID253  as above
from mlflow.server import app as flask_application  # noqa: TID253  as above
from mlflow.server import auth  # noqa: TID253  as above
from mlflow.server.auth.config import DEFAULT_AUTHORIZATION_FUNCTION  # noqa: TID253  as above
from mlflow.server.auth.permissions import GrantLoadKey, Permission, get_permission  # noqa: TID253  as above
from mlflow.server.auth.requirements import (  # noqa: TID253  as above
    floor_positive_permission,
    fold_grants_for_key,
    is_workspace_admin_grant,
)
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME  # noqa: TID253  as above

from aml_plugins.server.access import Role
from aml_plugins.server.identity import Identity

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

__all__ = ["MlflowDoor", "MlflowRoles"]

_KEY = GrantLoadKey("experiment", "*")
"""The grant that tells our roles apart: experiments are what runs, ours too, belong to."""


class MlflowDoor:
    """Asks the authorization function that MLflow's configuration names; basic authentication unless told otherwise."""

    def identify(self, request: HTTPConnection) -> Identity | None:
        """Return the user whose credentials the request has."""
        scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
        if auth.auth_config.authorization_function == DEFAULT_AUTHORIZATION_FUNCTION and scheme != "basic":
            return None  # MLflow's own function fails over other schemes
        # Authorization functions, MLflow's and others', are written for Flask's request.
        with flask_application.test_request_context(
            path=request.scope["path"], method=request.scope.get("method", "GET"), headers=list(request.headers.items())
        ):
            found = auth.authenticate_request()
        name = None if isinstance(found, Response) else found.username
        if not name:
            return None
        try:
            user = auth.store.get_user(name)
        except MlflowException:  # deleted in this moment
            return None
        return Identity(name=user.username, user_id=user.id, is_admin=bool(user.is_admin))


class MlflowRoles:
    """What MLflow's grants make of a user in a workspace."""

    def role(self, identity: Identity, workspace: str) -> Role:
        """Return the user's role.

        Owner has MANAGE on the workspace, Contributor USE on it and EDIT on all experiments, Reader may READ all
        experiments. Whoever may see single experiments only is nobody here: our records belong to workspaces.
        """
        if identity.is_admin:
            return Role.OWNER
        if identity.user_id is None:
            return Role.NOBODY
        grants: Any = auth.store.list_grants(identity.user_id, workspace, {_KEY.resource_type})
        if any(is_workspace_admin_grant(grant) for grant in grants):
            return Role.OWNER
        experiments, workspace_wide = (
            fold_grants_for_key(grants, _KEY),
            fold_grants_for_key(grants, GrantLoadKey("workspace", "*")),
        )
        if experiments is None and workspace_wide is None:
            return self._ungranted(workspace)
        return _granted(experiments, workspace_wide)

    def visible(self, identity: Identity) -> Collection[str]:
        """Return the workspaces where the user has a role of MLflow's at all."""
        names = set(auth.store.list_accessible_workspace_names(identity.name))
        return names | {DEFAULT_WORKSPACE_NAME} if _default_is_granted() else names

    def _ungranted(self, workspace: str) -> Role:
        """Return what MLflow's configuration grants to everybody."""
        if workspace != DEFAULT_WORKSPACE_NAME or not _default_is_granted():
            return Role.NOBODY
        return _of_permission(_default_permission())


def _granted(experiments: Permission | None, workspace_wide: Permission | None) -> Role:
    default = auth.auth_config.default_permission
    # A grant on the workspace alone carries what MLflow's configuration gives to everything without a grant.
    effective = floor_positive_permission(experiments, default) if experiments else _default_permission()
    role = _of_permission(effective)
    member = workspace_wide is not None and workspace_wide.can_use
    if role >= Role.CONTRIBUTOR:
        return Role.CONTRIBUTOR if member or not MLFLOW_ENABLE_WORKSPACES.get() else Role.READER
    return role


def _of_permission(permission: Permission) -> Role:
    if permission.can_manage:
        return Role.OWNER
    if permission.can_update:
        return Role.CONTRIBUTOR
    return Role.READER if permission.can_read else Role.NOBODY


def _default_permission() -> Permission:
    return get_permission(auth.auth_config.default_permission)


def _default_is_granted() -> bool:
    """Say whether everybody has the default permission in the default workspace."""
    return bool(auth.auth_config.grant_default_workspace_access) or not MLFLOW_ENABLE_WORKSPACES.get()
