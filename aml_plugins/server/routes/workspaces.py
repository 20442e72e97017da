"""Workspaces: MLflow's, with our settings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response

from aml_plugins.errors import AlreadyExistsError, PreconditionFailedError
from aml_plugins.mlflow_store import workspaces as mlflow_workspaces
from aml_plugins.server.access import Action, Role
from aml_plugins.server.etags import check_match, etag, must_be_new
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.idempotency import once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.things import (
    Workspace,
    WorkspaceBody,
    WorkspaceChange,
    WorkspaceContents,
    WorkspaceSettingsBody,
)
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.serving import Server, server_of
from aml_plugins.store.interface import Workspaces
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

    def make() -> str:
        mlflow_workspaces.create_workspace(_uri(server), body.name, description=body.description)
        return body.name

    def already() -> str | None:
        return body.name if mlflow_workspaces.has_workspace(_uri(server), body.name) else None

    once(request, body.model_dump(), make, already)
    with suppress(AlreadyExistsError):  # settings that an earlier try wrote
        server.store.workspaces.add(WorkspaceRecord(name=body.name))
    if server.members is not None:
        server.members.forget(body.name)  # a deletion that was killed may have left some
        server.members.put(body.name, caller(request).name, Role.OWNER)
    return json_reply(_answer(request, body.name, server.store.workspaces.find(body.name)), status=201)


@router.get("/workspaces/{workspace}", response_model=Workspace)
def show_workspace(request: Request, workspace: str) -> Response:
    """Show a workspace."""
    record = server_of(request).store.workspaces.find(workspace)
    headers = {"ETag": etag(record)} if record else None
    return json_reply(_answer(request, workspace, record), headers=headers)


@router.patch("/workspaces/{workspace}", response_model=Workspace)
def describe_workspace(request: Request, workspace: str, body: WorkspaceChange) -> Response:
    """Describe a workspace anew."""
    server = server_of(request)
    mlflow_workspaces.set_description(_uri(server), workspace, body.description)
    return json_reply(_answer(request, workspace, server.store.workspaces.find(workspace)))


@router.get("/workspaces/{workspace}/contents", response_model=WorkspaceContents)
def count_workspace_contents(request: Request, workspace: str) -> Response:
    """Count what lives in a workspace, by what it is called, in the plural."""
    server = server_of(request)
    found = mlflow_workspaces.workspace_contents(_uri(server), workspace)
    return json_reply({"contents": {**server.store.workspaces.contents(workspace), **found}})


@router.delete("/workspaces/{workspace}", status_code=204)
def delete_workspace(request: Request, workspace: str, *, contents: bool = False) -> Response:
    """Delete a workspace; refused while things live in it, unless `contents` is true."""
    server = server_of(request)
    mlflow_workspaces.delete_workspace(_uri(server), workspace, with_contents=contents)
    server.access.forget(workspace)
    if server.members is not None:
        server.members.forget(workspace)
    return Response(status_code=204)


@router.put("/workspaces/{workspace}/settings", response_model=Workspace)
def write_workspace_settings(request: Request, workspace: str, body: WorkspaceSettingsBody) -> Response:
    """Write a workspace's settings: with `If-None-Match: *` where there are none, else over those that there are."""
    store = server_of(request).store.workspaces
    record = WorkspaceRecord(name=workspace, settings=body.settings)
    stored = store.add(record) if must_be_new(request) else _save(request, store, record)
    return json_reply(_answer(request, workspace, stored), headers={"ETag": etag(stored)})


@router.delete("/workspaces/{workspace}/settings", status_code=204)
def delete_workspace_settings(request: Request, workspace: str) -> Response:
    """Delete all that is kept of a workspace beside MLflow; refused while runs have not ended."""
    server_of(request).store.workspaces.remove(workspace)
    return Response(status_code=204)


def _save(request: Request, store: Workspaces, record: WorkspaceRecord) -> WorkspaceRecord:
    """Write settings over those that the request was made for, which others may be changing now."""
    before = store.get(record.name)
    check_match(request, before)
    stored = store.save_if_unchanged(before, record.settings)
    if stored is None:
        if "if-match" in request.headers:
            raise PreconditionFailedError("It was changed since you read it.", "Read it again, then change it.")
        stored = store.save(record)
    return stored


def _uri(server: Server) -> str:
    return server.settings.store_uri


def _answer(request: Request, name: str, record: WorkspaceRecord | None) -> dict[str, Any]:
    server = server_of(request)
    words = mlflow_workspaces.workspace_description(_uri(server), name)
    who = caller(request)
    answer: dict[str, Any] = {"name": name, "description": words, "settings": None, "created_at": None}
    answer["role"] = server.access.role(who, name).name.lower()
    answer["deletable"] = server.access.may(who, Action.ADMINISTER, name)
    return answer | ({"settings": record.settings, "created_at": record.created_at} if record else {})
