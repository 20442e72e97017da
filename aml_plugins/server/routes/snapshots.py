"""Stored snapshots."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from aml_plugins.server.access import Action, no_such_workspace
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.things import Snapshot, SnapshotBody, SnapshotRemoval
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.serving import server_of
from aml_plugins.server.stored_snapshots import stored_snapshot
from aml_plugins.store.records import SnapshotRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["snapshots"])

PATH = "/workspaces/{workspace}/snapshots/{digest}"
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.get("/snapshots/unreferenced", response_model=Page[Snapshot])
def list_unreferenced_snapshots(
    request: Request,
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    limit: LIMIT = 100,
    page_token: PageToken = None,
) -> Response:
    """List the snapshots that no run names, of one workspace or of all to which you may contribute."""
    server, who = server_of(request), caller(request)
    if workspace is not None and not server.access.may(who, Action.CONTRIBUTE, workspace):
        raise no_such_workspace(workspace)
    mine = server.access.workspaces(who, Action.CONTRIBUTE)
    found = [
        record for record in server.store.snapshots.unreferenced(workspace) if mine is None or record.workspace in mine
    ]
    ordered = sorted(found, key=_position)
    return json_reply(page(ordered, limit, page_token, _position))


@router.get(PATH, response_model=Snapshot)
def show_snapshot(request: Request, workspace: str, digest: Digest) -> Response:
    """Show where a snapshot lies."""
    return json_reply(stored_snapshot(server_of(request), workspace, digest))


@router.put(PATH, response_model=Snapshot)
def note_snapshot(request: Request, workspace: str, digest: Digest, body: SnapshotBody) -> Response:
    """Note where a snapshot lies; one that is there stays as it is."""
    record = SnapshotRecord(workspace=workspace, digest=digest, **body.model_dump())
    return json_reply(server_of(request).store.snapshots.put(record))


@router.delete(PATH, response_model=SnapshotRemoval)
def forget_snapshot(request: Request, workspace: str, digest: Digest) -> Response:
    """Forget a snapshot unless a run names it."""
    return json_reply({"removed": server_of(request).store.snapshots.remove(workspace, digest)})


def _position(record: SnapshotRecord) -> str:
    return f"{record.created_at:020.6f} {record.workspace} {record.digest}"
