"""May this caller do this in this workspace? The one place that decides."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum, IntEnum
from typing import Protocol

from aml_plugins.errors import NotFoundError, PermissionDeniedError
from aml_plugins.server.identity import Identity
from aml_plugins.server.known_workspaces import KnownWorkspaces

__all__ = ["Access", "Action", "Role", "Roles", "no_such_workspace"]


class Role(IntEnum):
    """What somebody is in a workspace; each may do what those before it may."""

    NOBODY = 0
    READER = 1
    CONTRIBUTOR = 2
    OWNER = 3


class Action(Enum):
    """What a route does, as far as permission goes."""

    ENTER = "enter"
    """No workspace is concerned, or the answer has those only that the caller sees: whoever is let in."""
    READ = "read"
    """Look and download: Reader."""
    CONTRIBUTE = "contribute"
    """Submit, register, build, deploy: Contributor."""
    OWN = "own"
    """Members, compute targets, datastores, settings: Owner."""
    ADMINISTER = "administer"
    """Create and delete workspaces: MLflow's administrators."""


_NEEDED = {Action.READ: Role.READER, Action.CONTRIBUTE: Role.CONTRIBUTOR, Action.OWN: Role.OWNER}


class Roles(Protocol):
    """Where roles are kept."""

    def role(self, identity: Identity, workspace: str) -> Role:
        """Return the caller's role in a workspace, which need not exist."""
        ...

    def visible(self, identity: Identity) -> Collection[str]:
        """Return the workspaces in which the caller may have a role."""
        ...


class Access:
    """Decides by the caller's role.

    :param roles: None where everybody may do everything.
    :param exists: says whether there is a workspace of a name.
    """

    def __init__(self, roles: Roles | None, exists: Callable[[str], bool]) -> None:
        self._roles = roles
        self._exists = KnownWorkspaces(exists)

    def asks_nobody(self, workspace: str | None) -> bool:
        """Say whether :meth:`check` would look into no database, and so may be called where nothing may block."""
        if self._roles is not None and workspace is not None:
            return False
        return workspace is None or self._exists.is_fresh(workspace)

    def forget(self, workspace: str) -> None:
        """Ask anew whether a workspace is there."""
        self._exists.forget(workspace)

    def role(self, identity: Identity, workspace: str) -> Role:
        """Return what the caller is in a workspace; nobody in one that is not there."""
        # The role first: who has none is answered without a look, so that no clock tells what is there.
        role = Role.OWNER if self._roles is None else self._roles.role(identity, workspace)
        return role if role is Role.NOBODY or self._exists(workspace) else Role.NOBODY

    def check(self, identity: Identity, action: Action, workspace: str | None) -> None:
        """Let pass, or not.

        :raises NotFoundError: for a workspace that the caller cannot see, whether or not it is there.
        :raises PermissionDeniedError: where the caller may look, but not do this.
        """
        if workspace is not None:
            self._check_role(identity, action, workspace)
        if action is Action.ADMINISTER and not identity.is_admin:
            raise PermissionDeniedError("Only an administrator of the server may do this.", "Ask one of them.")

    def workspaces(self, identity: Identity, action: Action) -> frozenset[str] | None:
        """Return the workspaces in which the caller may do this; None for all there are."""
        if self._roles is None or identity.is_admin:
            return None
        needed = _NEEDED[action]
        return frozenset(name for name in self._roles.visible(identity) if self.role(identity, name) >= needed)

    def may(self, identity: Identity, action: Action, workspace: str) -> bool:
        """Say whether the caller may do this in a workspace."""
        if action is Action.ADMINISTER:
            return identity.is_admin
        return self._roles is None or self.role(identity, workspace) >= _NEEDED[action]

    def _check_role(self, identity: Identity, action: Action, workspace: str) -> None:
        role = self.role(identity, workspace)
        if role is Role.NOBODY:
            raise no_such_workspace(workspace)
        if role < _NEEDED.get(action, Role.READER):
            needed = _NEEDED[action].name.lower()
            raise PermissionDeniedError(
                f"This takes a role of {needed} in the workspace '{workspace}'; yours is {role.name.lower()}.",
                "Ask an owner of the workspace for the role.",
            )


def no_such_workspace(name: str) -> NotFoundError:
    """Return the error for a workspace that is not there, or not for the caller."""
    return NotFoundError(f"There is no workspace '{name}'.", "List those that you can see with: aml workspace list")
