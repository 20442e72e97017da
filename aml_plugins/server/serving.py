"""What every route has at hand: the store, who may do what, MLflow's side of things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aml_plugins.server.access import Access
from aml_plugins.server.identity import Door
from aml_plugins.server.settings import ServerSettings

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from aml_plugins.context import Context
    from aml_plugins.store.interface import Store

__all__ = ["Server", "server_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server process."""

    settings: ServerSettings
    context: Context
    access: Access
    door: Door

    @property
    def store(self) -> Store:
        """The store in the server's database."""
        return self.context.store


def server_of(request: HTTPConnection) -> Server:
    """Return the server that answers a request."""
    server: Server = request.app.state.server
    return server
