"""Versions of images."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from aml_plugins.errors import LeaseLostError
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.idempotency import once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.leased_things import due_of, new_values, reply, revision_of
from aml_plugins.server.models.services import Held, Holder, Image, ImageList, Lease, NewImage, SavedImage
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.serving import server_of
from aml_plugins.store.records import ImageRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["images"])

PATH = "/workspaces/{workspace}/images"
VERSION = PATH + "/{name}/versions/{version}"
Name = Annotated[str | None, Query(max_length=255)]
Owner = Annotated[str, Query(min_length=1, max_length=1000)]


@router.get("/images/due", response_model=ImageList)
def list_due_images(request: Request, owner: Owner, workspace: Name = None, limit: LIMIT = 1000) -> Response:
    """List the images that are being built by nobody at the moment."""
    due = server_of(request).store.images.due
    return json_reply({"items": due_of(request, workspace, lambda name: due(owner, name))[:limit]})


@router.get(PATH, response_model=Page[Image])
def list_images(
    request: Request, workspace: str, name: Name = None, limit: LIMIT = 100, page_token: PageToken = None
) -> Response:
    """List all versions, of one image or of all, newest first."""
    found = server_of(request).store.images.list(workspace, name)
    ranked = list(enumerate(found))
    shown = page(ranked, limit, page_token, lambda entry: f"{entry[0]:09d}")
    return json_reply({**shown, "items": [record for _, record in shown["items"]]})


@router.post(PATH, status_code=201, response_model=Image)
def add_image(request: Request, workspace: str, body: NewImage) -> Response:
    """Write a new version down; its number is the highest of its name and one more."""
    store = server_of(request).store.images
    record = ImageRecord(workspace=workspace, **new_values(request, body.model_dump()))

    def already() -> ImageRecord | None:
        same = (found for found in store.list(workspace, body.name) if found.lease_owner == record.lease_owner)
        return next((found for found in same if found.config == record.config), None)

    return reply(once(request, body.model_dump(), lambda: store.add(record), already), status=201)


@router.get(PATH + "/{name}", response_model=Image)
def show_newest_image(request: Request, workspace: str, name: str) -> Response:
    """Show the newest version of an image."""
    return reply(server_of(request).store.images.get(workspace, name))


@router.get(VERSION, response_model=Image)
def show_image(request: Request, workspace: str, name: str, version: int) -> Response:
    """Show a version of an image."""
    return reply(server_of(request).store.images.get(workspace, name, version))


@router.put(VERSION, response_model=Image)
def save_image(request: Request, workspace: str, name: str, version: int, body: SavedImage) -> Response:
    """Write a version as its builder, who holds the lease. The same request sent twice writes once."""
    store = server_of(request).store.images
    changes = body.model_dump(exclude={"owner", "user"})
    record = replace(store.get(workspace, name, version), revision=revision_of(request), **changes)
    try:
        saved = store.save(record, owner=body.owner)
    except LeaseLostError:
        saved = store.get(workspace, name, version)
        same = replace(saved, revision=record.revision, updated_at=record.updated_at) == record
        if not (same and saved.revision == record.revision + 1 and saved.lease_owner == body.owner):
            raise
    return reply(saved)


@router.post(VERSION + "/acquire", response_model=Held)
def acquire_image(request: Request, workspace: str, name: str, version: int, body: Lease) -> Response:
    """Take or renew the lease where it is free, expired or `owner`'s."""
    store = server_of(request).store.images
    held = store.acquire(store.get(workspace, name, version), body.owner, body.seconds)
    return json_reply({"held": held})


@router.post(VERSION + "/release", status_code=204)
def release_image(request: Request, workspace: str, name: str, version: int, body: Holder) -> Response:
    """Give the lease up."""
    store = server_of(request).store.images
    store.release(store.get(workspace, name, version), body.owner)
    return Response(status_code=204)


@router.delete(VERSION, status_code=204)
def delete_image(request: Request, workspace: str, name: str, version: int) -> Response:
    """Delete the row of a version."""
    server_of(request).store.images.remove(workspace, name, version)
    return Response(status_code=204)
