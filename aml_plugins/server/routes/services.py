"""Services: what they shall be, what they are, who drives them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from aml_plugins.errors import LeaseLostError, NotFoundError
from aml_plugins.server.access import Action
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.idempotency import once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.leased_things import due_of, new_values, reply, revision_of
from aml_plugins.server.models.services import (
    Desired,
    Held,
    Holder,
    Lease,
    NewService,
    SavedService,
    Service,
    ServiceList,
)
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.serving import server_of
from aml_plugins.store.records import ServiceRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["services"])

PATH = "/workspaces/{workspace}/services"
ONE = PATH + "/{name}"
Workspace = Annotated[str | None, Query(max_length=255)]
Owner = Annotated[str, Query(min_length=1, max_length=1000)]
ServiceId = Annotated[str, Query(pattern=r"^[0-9a-f]{1,64}$")]


@router.get("/services", response_model=Page[Service])
def list_all_services(request: Request, limit: LIMIT = 1000, page_token: PageToken = None) -> Response:
    """List the services of all workspaces that you see, by workspace and name."""
    server, who = server_of(request), caller(request)
    found = server.store.services.list()
    known = {name: server.access.may(who, Action.READ, name) for name in {record.workspace for record in found}}
    seen = sorted((record for record in found if known[record.workspace]), key=_place)
    return json_reply(page(seen, limit, page_token, _place))


@router.get("/services/due", response_model=ServiceList)
def list_due_services(request: Request, owner: Owner, workspace: Workspace = None, limit: LIMIT = 1000) -> Response:
    """List the services that nobody drives at the moment, the longest unwatched first."""
    due = server_of(request).store.services.due
    found = due_of(request, workspace, lambda name: due(owner, name))
    return json_reply({"items": sorted(found, key=lambda record: record.looked_at)[:limit]})


@router.get(PATH, response_model=Page[Service])
def list_services(request: Request, workspace: str, limit: LIMIT = 100, page_token: PageToken = None) -> Response:
    """List the services of a workspace by name."""
    found = server_of(request).store.services.list(workspace)
    return json_reply(page(found, limit, page_token, lambda record: record.name))


@router.post(PATH, status_code=201, response_model=Service)
def add_service(request: Request, workspace: str, body: NewService) -> Response:
    """Write a service down; whoever holds its lease takes it to what it shall be."""
    store = server_of(request).store.services
    record = ServiceRecord(workspace=workspace, **new_values(request, body.model_dump()))

    def already() -> ServiceRecord | None:
        try:
            found = store.get(workspace, body.name)
        except NotFoundError:
            return None
        return found if found.service_id == record.service_id else None

    return reply(once(request, body.model_dump(), lambda: store.add(record), already), status=201)


@router.get(ONE, response_model=Service)
def show_service(request: Request, workspace: str, name: str) -> Response:
    """Show a service."""
    return reply(server_of(request).store.services.get(workspace, name))


@router.put(ONE + "/desired", response_model=Service)
def request_service(request: Request, workspace: str, name: str, body: Desired) -> Response:
    """Write what a service shall be. Needs no lease."""
    record = replace(_service(request, workspace, name, body.service_id), revision=revision_of(request))
    return reply(server_of(request).store.services.request(record, body.desired))


@router.put(ONE, response_model=Service)
def save_service(request: Request, workspace: str, name: str, body: SavedService) -> Response:
    """Write what a service is, as its driver, who holds the lease."""
    changes = body.model_dump(exclude={"owner", "service_id", "user"})
    stored = _service(request, workspace, name, body.service_id)
    record = replace(stored, revision=revision_of(request), **changes)
    return reply(server_of(request).store.services.save(record, owner=body.owner))


@router.post(ONE + "/acquire", response_model=Held)
def acquire_service(request: Request, workspace: str, name: str, body: Lease) -> Response:
    """Take or renew the lease where it is free, expired or `owner`'s."""
    record = _service(request, workspace, name, body.service_id)
    return json_reply({"held": server_of(request).store.services.acquire(record, body.owner, body.seconds)})


@router.post(ONE + "/release", status_code=204)
def release_service(request: Request, workspace: str, name: str, body: Holder) -> Response:
    """Give the lease up."""
    record = _service(request, workspace, name, body.service_id)
    server_of(request).store.services.release(record, body.owner)
    return Response(status_code=204)


@router.delete(ONE, status_code=204)
def delete_service(request: Request, workspace: str, name: str, owner: Owner, service_id: ServiceId) -> Response:
    """Delete the row of a service that is gone, as its driver."""
    record = _service(request, workspace, name, service_id)
    server_of(request).store.services.remove(record, owner=owner)
    return Response(status_code=204)


def _place(record: ServiceRecord) -> str:
    return f"{record.workspace}/{record.name}"


def _service(request: Request, workspace: str, name: str, service_id: str | None) -> ServiceRecord:
    """Return the service; another one that took its name is not it."""
    found = server_of(request).store.services.get(workspace, name)
    if service_id is not None and found.service_id != service_id:
        raise LeaseLostError(f"The service '{name}' is another one now.", "Read it again, then try again.")
    return found
