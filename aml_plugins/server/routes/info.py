"""What the server is."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from mlflow.version import VERSION  # noqa: TID253  a leaf: the server imports it

from aml_plugins._version import __version__
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.things import ServerInfo
from aml_plugins.server.protection import JSON_LIMIT
from aml_plugins.server.serving import server_of

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["server"])


@router.get("/server", response_model=ServerInfo)
def show_server(request: Request) -> Response:
    """Show the server's versions and limits, and who you are to it."""
    settings = server_of(request).settings
    info = ServerInfo(
        version=__version__,
        mlflow_version=VERSION,
        api_version="2.0",
        authentication=settings.with_auth,
        user=caller(request).name,
        monitor=settings.monitor,
        json_limit=JSON_LIMIT,
        upload_limit=settings.upload_limit,
    )
    return json_reply(info.model_dump())
