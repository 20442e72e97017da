"""Attached compute targets and their slots."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from aml_plugins.errors import NotFoundError
from aml_plugins.server.etags import check_match, etag
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.idempotency import once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.things import Registered, RegisteredBody, RegisteredChange, Slot, SlotBody
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.serving import server_of
from aml_plugins.store.records import ComputeTargetRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["compute targets"])

PATH = "/workspaces/{workspace}/compute-targets"
LOCAL = "local"


@router.get(PATH, response_model=Page[Registered])
def list_compute_targets(
    request: Request, workspace: str, limit: LIMIT = 100, page_token: PageToken = None
) -> Response:
    """List the attached compute targets by name; `local` is always there and needs no attaching."""
    found = server_of(request).store.compute_targets.list(workspace)
    return json_reply(page(found, limit, page_token, lambda record: record.name))


@router.post(PATH, status_code=201, response_model=Registered)
def attach_compute_target(request: Request, workspace: str, body: RegisteredBody) -> Response:
    """Attach a compute target."""
    store = server_of(request).store.compute_targets
    record = ComputeTargetRecord(workspace=workspace, **body.model_dump())

    def already() -> ComputeTargetRecord | None:
        try:
            found = store.get(workspace, body.name)
        except NotFoundError:
            return None
        return found if (found.type, found.config) == (record.type, record.config) else None

    stored = once(request, body.model_dump(), lambda: store.add(record), already)
    return json_reply(stored, status=201, headers={"ETag": etag(stored)})


@router.post("/workspaces/{workspace}/local-compute-target", status_code=201, response_model=Registered)
def attach_local_target(request: Request, workspace: str) -> Response:
    """Write down the target `local`, which every workspace has: the machine of whoever submits. His first run does."""
    record = ComputeTargetRecord(workspace=workspace, name=LOCAL, type=LOCAL)
    return json_reply(server_of(request).store.compute_targets.add(record), status=201)


@router.get(PATH + "/{name}", response_model=Registered)
def show_compute_target(request: Request, workspace: str, name: str) -> Response:
    """Show a compute target."""
    record = server_of(request).store.compute_targets.get(workspace, name)
    return json_reply(record, headers={"ETag": etag(record)})


@router.put(PATH + "/{name}", response_model=Registered)
def change_compute_target(request: Request, workspace: str, name: str, body: RegisteredChange) -> Response:
    """Change a compute target's settings; `If-Match` guards against changes that you have not seen."""
    store = server_of(request).store.compute_targets
    check_match(request, store.get(workspace, name))
    stored = store.save(ComputeTargetRecord(workspace=workspace, name=name, type=body.type, config=body.config))
    server_of(request).context.backends.forget(workspace, name)
    return json_reply(stored, headers={"ETag": etag(stored)})


@router.delete(PATH + "/{name}", status_code=204)
def detach_compute_target(request: Request, workspace: str, name: str) -> Response:
    """Detach a compute target; refused while runs on it have not ended."""
    server = server_of(request)
    server.store.compute_targets.remove(workspace, name)
    server.context.backends.forget(workspace, name)
    return Response(status_code=204)


@router.put(PATH + "/{name}/slots/{run_id}", response_model=Slot)
def claim_slot(request: Request, workspace: str, name: str, run_id: str, body: SlotBody) -> Response:
    """Give a run one of the target's slots, where one of `limit` is free or it has one."""
    claimed = server_of(request).store.compute_targets.claim_slot(workspace, name, run_id, body.limit)
    return json_reply({"claimed": claimed})
