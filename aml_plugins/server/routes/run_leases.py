"""Who drives which run. These routes are about runs of any workspace: each run counts where the caller may drive it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from aml_plugins.server.access import Action, no_such_workspace
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.runs import Acquire, Acquired, Cancellations, Release, Released, RunIds, RunList
from aml_plugins.server.paging import LIMIT
from aml_plugins.server.serving import server_of
from aml_plugins.store.records import RunRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["driving runs"])

Owner = Annotated[str, Query(min_length=1, max_length=1000)]
Workspace = Annotated[str | None, Query(max_length=255)]


@router.get("/runs/due", response_model=RunList)
def list_due_runs(request: Request, owner: Owner, workspace: Workspace = None, limit: LIMIT = 1000) -> Response:
    """List the runs that have not ended and that nobody else drives, oldest first."""
    server, who = server_of(request), caller(request)
    if workspace is not None:
        if not server.access.may(who, Action.CONTRIBUTE, workspace):
            raise no_such_workspace(workspace)
        return json_reply({"items": server.store.runs.due(owner, limit, workspace)})
    mine = server.access.workspaces(who, Action.CONTRIBUTE)
    if mine is None:
        return json_reply({"items": server.store.runs.due(owner, limit)})
    found = [run for name in sorted(mine) for run in server.store.runs.due(owner, limit, name)]
    return json_reply({"items": sorted(found, key=lambda run: (run.created_at, run.run_id))[:limit]})


@router.post("/runs/read", response_model=RunList)
def read_runs(request: Request, body: RunIds) -> Response:
    """Show many runs at once."""
    found = server_of(request).store.runs.get_many(body.run_ids)
    return json_reply({"items": _allowed(request, found.values(), Action.READ)})


@router.post("/runs/acquire", response_model=Acquired)
def acquire_runs(request: Request, body: Acquire) -> Response:
    """Take or renew leases that are free, expired or `owner`'s."""
    held = server_of(request).store.runs.acquire(_mine(request, body.run_ids), body.owner, body.seconds)
    return json_reply({"held": held})


@router.post("/runs/release", status_code=204)
def release_runs(request: Request, body: Release) -> Response:
    """Give up leases that `owner` holds."""
    server_of(request).store.runs.release(_mine(request, body.run_ids), body.owner)
    return Response(status_code=204)


@router.post("/runs/cancellations", response_model=Cancellations)
def list_cancellations(request: Request, body: RunIds) -> Response:
    """Show when the runs among these were asked to end."""
    asked = server_of(request).store.runs.cancellations(_mine(request, body.run_ids))
    return json_reply({"cancellations": asked})


@router.post("/runs/released", status_code=204)
def mark_runs_released(request: Request, body: Released) -> Response:
    """Note that runs were deleted, or restored, in MLflow."""
    server_of(request).store.runs.mark_released(_mine(request, body.run_ids), released=body.released)
    return Response(status_code=204)


@router.delete("/runs/{run_id}/slot", status_code=204)
def release_slot(request: Request, run_id: str) -> Response:
    """Free a run's slot, if it has one."""
    for mine in _mine(request, [run_id]):
        server_of(request).store.compute_targets.release_slot(mine)
    return Response(status_code=204)


def _mine(request: Request, run_ids: Collection[str]) -> Collection[str]:
    """Leave out runs that the caller may not drive."""
    server = server_of(request)
    if server.access.workspaces(caller(request), Action.CONTRIBUTE) is None:
        return run_ids
    found = server.store.runs.get_many(run_ids).values()
    return [run.run_id for run in _allowed(request, found, Action.CONTRIBUTE)]


def _allowed(request: Request, runs: Collection[RunRecord], action: Action) -> list[RunRecord]:
    access, who = server_of(request).access, caller(request)
    known = {name: access.may(who, action, name) for name in {run.workspace for run in runs}}
    return [run for run in runs if known[run.workspace]]
