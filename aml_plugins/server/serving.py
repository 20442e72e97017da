"""What every route has at hand: the store, who may do what, MLflow's side of things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aml_plugins.server.access import Access, Role
from aml_plugins.server.identity import Door
from aml_plugins.server.settings import ServerSettings

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from aml_plugins.context import Context
    from aml_plugins.store.interface import Store
    from aml_plugins.store.records import MemberRecord
    from aml_plugins.store.sql.requests import SqlRequests

__all__ = ["Members", "Server", "server_of"]


class Members(Protocol):
    """Who has which role in a workspace; see ``mlflow_members.py``."""

    def list(self, workspace: str) -> Sequence[MemberRecord]: ...
    def put(self, workspace: str, name: str, role: Role) -> MemberRecord: ...
    def remove(self, workspace: str, name: str) -> None: ...
    def forget(self, workspace: str) -> None: ...
    def ensure_roles(self, workspace: str) -> dict[Role, int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server process.

    :param members: None where nobody is asked who he is.
    """

    settings: ServerSettings
    context: Context
    access: Access
    door: Door
    requests: SqlRequests
    members: Members | None = None

    @property
    def store(self) -> Store:
        """The store in the server's database."""
        return self.context.store


def server_of(request: HTTPConnection) -> Server:
    """Return the server that answers a request."""
    server: Server = request.app.state.server
    return server
