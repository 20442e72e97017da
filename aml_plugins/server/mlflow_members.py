# mypy: allow-untyped-calls
# MLflow's authentication is not annotated.
"""Members of a workspace, kept where MLflow keeps roles. Steps may be repeated, and others may be at it too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mlflow.exceptions import MlflowException  # noqa: TID253  a leaf: the server imports it
from mlflow.server import auth  # noqa: TID253  as above

from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.server.access import Role
from aml_plugins.server.identity import Identity
from aml_plugins.server.mlflow_auth import MlflowRoles
from aml_plugins.server.role_grants import DESCRIPTIONS, GRANTS
from aml_plugins.store.records import MemberRecord

__all__ = ["MlflowMembers"]

_GONE_OR_THERE = frozenset({"RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"})


class MlflowMembers:
    """Gives and takes roles. The names Owner, Contributor and Reader are ours: sharing restores what they grant."""

    def __init__(self, roles: MlflowRoles) -> None:
        self._roles = roles

    def list(self, workspace: str) -> Sequence[MemberRecord]:
        """Return everybody with a role in the workspace, by name."""
        users = [user for user, roles in auth.store.list_users_with_roles() if _has_role_in(workspace, roles)]
        found = [(user.username, self._roles.role(_identity(user), workspace)) for user in users]
        return [MemberRecord(user=name, role=role.name.lower()) for name, role in sorted(found) if role > Role.NOBODY]

    def put(self, workspace: str, name: str, role: Role) -> MemberRecord:
        """Give the user this role in the workspace, and no other.

        :raises NotFoundError: where there is no such user.
        :raises InvalidInputError: where the workspace would be left without an owner.
        """
        user = _user(name)
        if role < Role.OWNER:
            self._keep_an_owner(workspace, name)
        ids = self.ensure_roles(workspace)
        before = self._roles.role(Identity(name=user.username, user_id=user.id), workspace)
        steps = [lambda: _assign(user.id, ids[role]), lambda: _take_others(user.id, workspace, ids[role], role)]
        # Killed in between, nobody has more than he should: what is taken, is taken first.
        for step in steps if role >= before else reversed(steps):
            step()
        return MemberRecord(user=user.username, role=role.name.lower())

    def remove(self, workspace: str, name: str) -> None:
        """Take every role and permission that the user has in the workspace.

        :raises NotFoundError: where there is no such member.
        :raises InvalidInputError: where the workspace would be left without an owner.
        """
        user = _user(name)
        if not auth.store.list_user_roles_for_workspace(user.id, workspace):
            raise NotFoundError(
                f"'{name}' is no member of the workspace '{workspace}'.", "Look at: aml workspace members"
            )
        self._keep_an_owner(workspace, name)
        _take_others(user.id, workspace, None, Role.NOBODY)

    def forget(self, workspace: str) -> None:
        """Delete every role of a workspace that is gone: its successor of the same name has members of its own."""
        auth.store.delete_workspace_permissions_for_workspace(workspace)
        auth.store.delete_roles_for_workspace(workspace)

    def ensure_roles(self, workspace: str) -> dict[Role, int]:
        """Create the roles that are missing, and in them the permissions that are; return their numbers."""
        return {role: _ensure_role(workspace, role) for role in GRANTS}

    def _keep_an_owner(self, workspace: str, leaving: str) -> None:
        owners = {member.user for member in self.list(workspace) if member.role == Role.OWNER.name.lower()}
        if owners == {leaving}:
            raise InvalidInputError(
                f"'{leaving}' is the only owner of the workspace '{workspace}'.", "Make somebody else an owner first."
            )


def _identity(user: Any) -> Identity:
    """Return the user as one whom roles rule, administrator or not."""
    return Identity(name=user.username, user_id=user.id)


def _has_role_in(workspace: str, roles: Sequence[Any]) -> bool:
    return any(role.workspace == workspace for role in roles)


def _user(name: str) -> Any:
    try:
        return auth.store.get_user(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise NotFoundError(f"There is no user '{name}'.", "An administrator creates users.") from None


def _ensure_role(workspace: str, role: Role) -> int:
    name = role.name.capitalize()
    with _unless_done():
        auth.store.create_role(name, workspace, DESCRIPTIONS[role])
    found = auth.store.get_role_by_name(workspace, name)
    there = {(grant.resource_type, grant.resource_pattern): grant for grant in found.permissions}
    for kind, permission in GRANTS[role].items():
        grant = there.get((kind, "*"))
        if grant is None:
            with _unless_done():
                auth.store.add_role_permission(found.id, kind, "*", permission)
        elif grant.permission != permission:
            auth.store.update_role_permission(grant.id, permission)
    number: int = found.id
    return number


def _assign(user_id: int, role_id: int) -> None:
    with _unless_done():
        auth.store.assign_role_to_user(user_id, role_id)


def _take_others(user_id: int, workspace: str, kept: int | None, role: Role) -> None:
    """Take all roles of the workspace but one. What somebody created stays his own while he may create at all."""
    own = auth.store._synthetic_user_role_name(user_id)  # noqa: SLF001  MLflow has no other word for direct permissions
    for found in auth.store.list_user_roles_for_workspace(user_id, workspace):
        if found.id == kept or (found.name == own and role >= Role.CONTRIBUTOR):
            continue
        with _unless_done():
            if found.name == own:  # nobody else's: with the role go the direct permissions in it
                auth.store.delete_role(found.id)
            else:
                auth.store.unassign_role_from_user(user_id, found.id)


@contextmanager
def _unless_done() -> Iterator[None]:
    """Go on where another request did the very same a moment ago."""
    try:
        yield
    except MlflowException as error:
        if error.error_code not in _GONE_OR_THERE:
            raise
