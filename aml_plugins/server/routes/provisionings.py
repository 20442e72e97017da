"""Compute targets that were created: what they shall be, what they are, who drives them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from aml_plugins.errors import LeaseLostError, NotFoundError
from aml_plugins.server.access import Action
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.idempotency import once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.leased_things import new_values, reply, revision_of
from aml_plugins.server.models.provisionings import (
    NewProvisioning,
    OperationId,
    Provisioning,
    ProvisioningHolder,
    ProvisioningLease,
    ProvisioningList,
    ProvisioningWish,
    SavedProvisioning,
)
from aml_plugins.server.models.services import Held
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.serving import server_of
from aml_plugins.store.records import ComputeTargetRecord, ProvisioningRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["compute targets"])

PATH = "/workspaces/{workspace}/provisionings"
ONE = PATH + "/{name}"
Owner = Annotated[str, Query(min_length=1, max_length=1000)]
Of = Annotated[str | None, Query(max_length=255)]


@router.get("/provisionings/due", response_model=ProvisioningList)
def list_due_provisionings(request: Request, owner: Owner, workspace: Of = None, limit: LIMIT = 1000) -> Response:
    """List creations and deletions that nobody drives at the moment, in the workspaces that you own."""
    server, who = server_of(request), caller(request)
    due = server.store.provisionings.due
    mine = server.access.workspaces(who, Action.OWN)
    if mine is None:
        return json_reply({"items": due(owner, workspace)[:limit]})
    wanted = mine if workspace is None else mine & {workspace}
    return json_reply({"items": [record for name in sorted(wanted) for record in due(owner, name)][:limit]})


@router.get(PATH, response_model=Page[Provisioning])
def list_provisionings(request: Request, workspace: str, limit: LIMIT = 100, page_token: PageToken = None) -> Response:
    """List the compute targets that were created, by name, and how each creation stands."""
    found = server_of(request).store.provisionings.list(workspace)
    return json_reply(page(found, limit, page_token, lambda record: record.name))


@router.post(PATH, status_code=201, response_model=Provisioning)
def add_provisioning(request: Request, workspace: str, body: NewProvisioning) -> Response:
    """Write a compute target to create down; whoever holds the lease of its creation creates it."""
    store = server_of(request).store.provisionings
    values = new_values(request, body.model_dump())
    target = ComputeTargetRecord(workspace=workspace, name=body.name, type=body.type, config=values.pop("config"))
    record = ProvisioningRecord(workspace=workspace, **values)

    def already() -> ProvisioningRecord | None:
        found = store.find(workspace, body.name)
        return found if found is not None and found.operation_id == record.operation_id else None

    return reply(once(request, body.model_dump(), lambda: store.add(record, target), already), status=201)


@router.get(ONE, response_model=Provisioning)
def show_provisioning(request: Request, workspace: str, name: str) -> Response:
    """Show how the creation or deletion of a compute target stands."""
    return reply(_found(request, workspace, name))


@router.put(ONE + "/desired", response_model=Provisioning)
def request_provisioning(request: Request, workspace: str, name: str, body: ProvisioningWish) -> Response:
    """Write whether a created compute target shall be. Needs no lease; refused while runs on it have not ended."""
    record = replace(_found(request, workspace, name, body.operation_id), revision=revision_of(request))
    return reply(server_of(request).store.provisionings.request(record, body.desired))


@router.put(ONE, response_model=Provisioning)
def save_provisioning(request: Request, workspace: str, name: str, body: SavedProvisioning) -> Response:
    """Write how a creation stands, as its driver, who holds the lease."""
    changes = body.model_dump(exclude={"owner", "operation_id"})
    record = replace(_found(request, workspace, name, body.operation_id), revision=revision_of(request), **changes)
    return reply(server_of(request).store.provisionings.save(record, owner=body.owner))


@router.post(ONE + "/acquire", response_model=Held)
def acquire_provisioning(request: Request, workspace: str, name: str, body: ProvisioningLease) -> Response:
    """Take or renew the lease where it is free, expired or `owner`'s."""
    record = _found(request, workspace, name, body.operation_id)
    return json_reply({"held": server_of(request).store.provisionings.acquire(record, body.owner, body.seconds)})


@router.post(ONE + "/release", status_code=204)
def release_provisioning(request: Request, workspace: str, name: str, body: ProvisioningHolder) -> Response:
    """Give the lease up."""
    record = _found(request, workspace, name, body.operation_id)
    server_of(request).store.provisionings.release(record, body.owner)
    return Response(status_code=204)


@router.delete(ONE, status_code=204)
def delete_provisioning(
    request: Request, workspace: str, name: str, owner: Owner, operation_id: Annotated[OperationId, Query()]
) -> Response:
    """Delete a created compute target that is gone, as the driver of its deletion."""
    record = _found(request, workspace, name, operation_id)
    server = server_of(request)
    server.store.provisionings.remove(record, owner=owner)
    server.context.backends.forget(workspace, name)
    return Response(status_code=204)


def _found(request: Request, workspace: str, name: str, operation_id: str | None = None) -> ProvisioningRecord:
    """Return the creation; another one that took its name is not it."""
    found = server_of(request).store.provisionings.find(workspace, name)
    if found is None:
        raise NotFoundError(
            f"No compute target '{name}' was created in workspace '{workspace}'.", "Look at: aml compute list"
        )
    if operation_id is not None and found.operation_id != operation_id:
        raise LeaseLostError(f"The compute target '{name}' is another one now.", "Read it again, then try again.")
    return found
