"""Members of a workspace where nobody is asked who he is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from aml_plugins.errors import InvalidInputError
from aml_plugins.store.records import MemberRecord

__all__ = ["SqlMembers"]


class SqlMembers:
    """Implements :class:`aml_plugins.store.interface.Members`: the database's own users and files decide."""

    def role(self, workspace: str) -> str:  # noqa: ARG002  the interface's
        return "owner"

    def check_deletion(self, workspace: str) -> None:
        pass

    def list(self, workspace: str) -> Sequence[MemberRecord]:
        _refuse(workspace)

    def put(self, workspace: str, user: str, role: str) -> MemberRecord:  # noqa: ARG002  the interface's
        _refuse(workspace)

    def remove(self, workspace: str, user: str) -> None:  # noqa: ARG002  the interface's
        _refuse(workspace)


def _refuse(workspace: str) -> NoReturn:
    raise InvalidInputError(
        f"The workspace '{workspace}' is opened as a database, and whoever may open that may do everything in it.",
        "Roles need a server: start one with aml server --with-auth, and give its address as the store.",
    )
