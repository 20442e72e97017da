"""Members of a workspace."""

from __future__ import annotations

from collections.abc import Sequence

from aml_plugins.errors import PermissionDeniedError
from aml_plugins.store.records import MemberRecord
from aml_plugins.store.rest.asking import pages
from aml_plugins.store.rest.connection import Connection, path_of

__all__ = ["RestMembers"]


class RestMembers:
    """Implements :class:`aml_plugins.store.interface.Members`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def role(self, workspace: str) -> str:
        return str(self._connection.call("GET", path_of("workspaces", workspace)).value["role"])

    def check_deletion(self, workspace: str) -> None:
        found = self._connection.call("GET", path_of("workspaces", workspace)).value
        if not found.get("deletable", True):  # an older server says nothing of it, and refuses the deletion itself
            raise PermissionDeniedError(
                f"Only an administrator of the server may delete '{workspace}'; you are {found['role']} of it.",
                "Ask one of them.",
            )

    def list(self, workspace: str) -> Sequence[MemberRecord]:
        return [MemberRecord(**item) for item in pages(self._connection, _path(workspace))]

    def put(self, workspace: str, user: str, role: str) -> MemberRecord:
        answer = self._connection.call("PUT", _path(workspace), body={"user": user, "role": role})
        return MemberRecord(**answer.value)

    def remove(self, workspace: str, user: str) -> None:
        self._connection.call("DELETE", _path(workspace), query={"user": user}, gone_is_done=True)


def _path(workspace: str) -> str:
    return path_of("workspaces", workspace, "members")
