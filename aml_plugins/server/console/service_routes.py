"""The read models behind a service's page, and the one thing that it does: somebody may try the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from aml_plugins.server.access import Action
from aml_plugins.server.console import service_calls
from aml_plugins.server.console.own_page import check_own_page
from aml_plugins.server.console.queries import queries_of
from aml_plugins.server.console.replies import unchanged_or
from aml_plugins.server.console.service_page import service_page
from aml_plugins.server.console.service_traffic import traffic
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.serving import server_of

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, prefix="/console", include_in_schema=False)

PATH = "/workspaces/{workspace}/services/{name}"
Name = Annotated[str, Path(max_length=100)]


@router.get(PATH, name="console_service")
def show_service(request: Request, workspace: str, name: Name) -> Response:
    """Return the page of a service."""
    server = server_of(request)
    record = server.store.services.get(workspace, name)
    found = service_page(server.context, queries_of(server.store), record)
    may_try = server.access.may(caller(request), Action.CONTRIBUTE, workspace)
    return unchanged_or(request, found | {"user": caller(request).name, "may_try": may_try})


@router.get(PATH + "/traffic", name="console_service_traffic")
def show_traffic(request: Request, workspace: str, name: Name) -> Response:
    """Return what each version counted so far."""
    server = server_of(request)
    return unchanged_or(request, traffic(server.context, server.store.services.get(workspace, name)))


@router.get(PATH + "/schema", name="console_service_schema")
def show_schema(request: Request, workspace: str, name: Name) -> Response:
    """Return what the service takes."""
    server = server_of(request)
    return unchanged_or(request, service_calls.schema(server.context, server.store.services.get(workspace, name)))


@router.get(PATH + "/log", name="console_service_log")
def show_log(request: Request, workspace: str, name: Name) -> Response:
    """Return the last lines of each version's log."""
    server = server_of(request)
    return unchanged_or(request, service_calls.last_lines(server.context, server.store.services.get(workspace, name)))


@router.post(PATH + "/try", name="console_try_service")
def try_service(request: Request, workspace: str, name: Name, body: service_calls.Trial) -> Response:
    """Send one request to the service."""
    check_own_page(request, "Try the service in the console.")
    server = server_of(request)
    return json_reply(service_calls.call(server.context, server.store.services.get(workspace, name), body))
