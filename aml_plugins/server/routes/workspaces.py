"""Workspaces: MLflow's, with our settings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response

from aml_plugins.errors import AlreadyExistsError
from aml_plugins.mlflow_store import workspaces as mlflow_workspaces
from aml_plugins.server.access import Action, Role
from aml_plugins.server.etags import check_match, etag, must_be_new
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.things import Workspace, WorkspaceBody, WorkspaceSettingsBody
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.serving import Server, server_of
from aml_plugins.store.records import WorkspaceRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["workspaces"])


@router.get("/workspaces", response_model=Page[Workspace])
def list_workspaces(request: Request, limit: LIMIT = 100, page_token: PageToken = None) -> Response:
    """List the workspaces that you can see, by name."""
    server, who = server_of(request), caller(request)
    seen = server.access.workspaces(who, Action.READ)
    names = [name for name in mlflow_workspaces.list_workspaces(_uri(server)) if seen is None or name in seen]
    found = page(names, limit, page_token, lambda name: name)
    rows = {record.name: record for record in server.store.workspaces.list()}
    items = [_answer(request, name, rows.get(name)) for name in found["items"]]
    return json_reply({**found, "items": items})


@router.post("/workspaces", status_code=201, response_model=Workspace)
def create_workspace(request: Request, body: WorkspaceBody) -> Response:
    """Create a workspace."""
    server = server_of(request)
    mlflow_workspaces.create_workspace(_uri(server), body.name, description=body.description)
    with suppress(AlreadyExistsError):  # settings that an earlier try wrote
        server.store.workspaces.add(WorkspaceRecord(name=body.name))
    if server.members is not None:
        server.members.ensure_roles(body.name)
        server.members.put(body.name, caller(request).name, Role.OWNER)
    return json_reply(_answer(request, body.name, server.store.workspaces.find(body.name)), status=201)


@router.get("/workspaces/{workspace}", response_model=Workspace)
def show_workspace(request: Request, workspace: str) -> Response:
    """Show a workspace."""
    record = server_of(request).store.workspaces.find(workspace)
    headers = {"ETag": etag(record)} if record else None
    return json_reply(_answer(request, workspace, record), headers=headers)


@router.delete("/workspaces/{workspace}", status_code=204)
def delete_workspace(request: Request, workspace: str, *, contents: bool = False) -> Response:
    """Delete a workspace; refused while things live in it, unless `contents` is true."""
    mlflow_workspaces.delete_workspace(_uri(server_of(request)), workspace, with_contents=contents)
    return Response(status_code=204)


@router.put("/workspaces/{workspace}/settings", response_model=Workspace)
def write_workspace_settings(request: Request, workspace: str, body: WorkspaceSettingsBody) -> Response:
    """Write a workspace's settings: with `If-None-Match: *` where there are none, else over those that there are."""
    store = server_of(request).store.workspaces
    record = WorkspaceRecord(name=workspace, settings=body.settings)
    if must_be_new(request):
        stored = store.add(record)
    else:
        check_match(request, store.get(workspace))
        stored = store.save(record)
    return json_reply(_answer(request, workspace, stored), headers={"ETag": etag(stored)})


@router.delete("/workspaces/{workspace}/settings", status_code=204)
def delete_workspace_settings(request: Request, workspace: str) -> Response:
    """Delete a workspace's settings, its compute targets and datastores; refused while runs have not ended."""
    server_of(request).store.workspaces.remove(workspace)
    return Response(status_code=204)


def _uri(server: Server) -> str:
    return server.settings.store_uri


def _answer(request: Request, name: str, record: WorkspaceRecord | None) -> dict[str, Any]:
    role = server_of(request).access.role(caller(request), name)
    answer: dict[str, Any] = {"name": name, "role": role.name.lower(), "settings": None, "created_at": None}
    return answer | ({"settings": record.settings, "created_at": record.created_at} if record else {})
