"""Registered datastores."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from aml_plugins.datastores.opening import DEFAULT_DATASTORE
from aml_plugins.errors import AlreadyExistsError, NotFoundError
from aml_plugins.server.etags import etag
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.idempotency import once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.things import Registered, RegisteredBody
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.serving import server_of
from aml_plugins.store.records import DatastoreRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["datastores"])

PATH = "/workspaces/{workspace}/datastores"


@router.get(PATH, response_model=Page[Registered])
def list_datastores(request: Request, workspace: str, limit: LIMIT = 100, page_token: PageToken = None) -> Response:
    """List the registered datastores by name."""
    found = server_of(request).store.datastores.list(workspace)
    return json_reply(page(found, limit, page_token, lambda record: record.name))


@router.post(PATH, status_code=201, response_model=Registered)
def register_datastore(request: Request, workspace: str, body: RegisteredBody) -> Response:
    """Register a datastore."""
    if body.name == DEFAULT_DATASTORE:
        raise AlreadyExistsError(f"The datastore '{body.name}' is built in.", "Use another name.")
    store = server_of(request).store.datastores
    record = DatastoreRecord(workspace=workspace, **body.model_dump())

    def already() -> DatastoreRecord | None:
        try:
            found = store.get(workspace, body.name)
        except NotFoundError:
            return None
        return found if (found.type, found.config) == (record.type, record.config) else None

    stored = once(request, body.model_dump(), lambda: store.add(record), already)
    return json_reply(stored, status=201, headers={"ETag": etag(stored)})


@router.get(PATH + "/{name}", response_model=Registered)
def show_datastore(request: Request, workspace: str, name: str) -> Response:
    """Show a datastore."""
    record = server_of(request).store.datastores.get(workspace, name)
    return json_reply(record, headers={"ETag": etag(record)})


@router.delete(PATH + "/{name}", status_code=204)
def unregister_datastore(request: Request, workspace: str, name: str) -> Response:
    """Forget a datastore; its files stay."""
    server_of(request).store.datastores.remove(workspace, name)
    return Response(status_code=204)
