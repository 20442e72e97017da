"""How the runs of a workspace execute."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from aml_plugins.errors import InvalidInputError, LeaseLostError, NotFoundError
from aml_plugins.runs.states import RunState
from aml_plugins.runs.submission import ask_policies
from aml_plugins.server.access import Action
from aml_plugins.server.etags import etag
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.idempotency import once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.runs import NewRun, Run, SavedRun
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page_of_read
from aml_plugins.server.routes.run_changes import is_written
from aml_plugins.server.serving import server_of
from aml_plugins.store.page_tokens import position_of
from aml_plugins.store.records import RunRecord

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["runs"])

PATH = "/workspaces/{workspace}/runs"
Word = Annotated[str | None, Query(max_length=1000)]


@router.post(PATH, status_code=201, response_model=Run)
def add_run(request: Request, workspace: str, body: NewRun) -> Response:
    """Write a run down with its task; one `idempotency_key` maps to one run for ever.

    The server's policies are asked first. Whoever holds the lease drives the run, else the server's monitor does.
    """
    server = server_of(request)
    record = _new_record(request, workspace, body)
    ask_policies(server.context, record)

    def already() -> RunRecord | None:
        found = server.store.runs.find(record.run_id)
        return found if found is not None and found.workspace == workspace else None

    stored = once(request, body.model_dump(), lambda: server.store.runs.add(record, body.message), already)
    return json_reply(stored, status=201, headers={"ETag": etag(stored)})


@router.get(PATH, response_model=Page[Run])
def list_runs(
    request: Request,
    workspace: str,
    *,
    state: Annotated[list[RunState], Query(max_length=len(RunState))] = [],  # noqa: B006  FastAPI copies it
    experiment: Word = None,
    target: Word = None,
    parent_run_id: Word = None,
    idempotency_key: Word = None,
    limit: LIMIT = 100,
    page_token: PageToken = None,
) -> Response:
    """List runs, newest first; with `idempotency_key` the one that was submitted under it."""
    store = server_of(request).store.runs
    if idempotency_key is not None:
        found = store.find_by_key(workspace, idempotency_key)
        return json_reply({"items": [found] if found else [], "next_page_token": None})
    runs = store.list(
        workspace,
        states=[word.value for word in state],
        experiment=experiment,
        target=target,
        parent_run_id=parent_run_id,
        limit=limit + 1,
        before=position_of(page_token, float, str),
    )
    return json_reply(page_of_read(runs, limit, lambda run: (float(run.created_at), run.run_id)))


@router.get("/runs/{run_id}", response_model=Run)
def find_run(request: Request, run_id: str) -> Response:
    """Show a run of whatever workspace."""
    server = server_of(request)
    record = server.store.runs.find(run_id)
    if record is None or not server.access.may(caller(request), Action.READ, record.workspace):
        raise NotFoundError(f"There is no run '{run_id}'.", "Look at: aml run list")
    return json_reply(record, headers={"ETag": etag(record)})


@router.get(PATH + "/{run_id}", response_model=Run)
def show_run(request: Request, workspace: str, run_id: str) -> Response:
    """Show a run."""
    record = server_of(request).store.runs.get(workspace, run_id)
    return json_reply(record, headers={"ETag": etag(record)})


@router.put(PATH + "/{run_id}", response_model=Run)
def save_run(request: Request, workspace: str, run_id: str, body: SavedRun) -> Response:
    """Write a run as its driver: `owner` holds the lease, and `If-Match` has the version that the driver read.

    The same request sent twice writes once. A new state or a message is an event of the run's task.
    """
    store = server_of(request).store.runs
    stored = store.get(workspace, run_id)
    changes = body.model_dump(exclude={"owner", "message", "progress", "user"})
    record = replace(stored, version=_version(request), **_words(changes))
    try:
        saved = store.save(record, owner=body.owner, message=body.message, progress=body.progress)
    except LeaseLostError:
        saved = store.get(workspace, run_id)
        if not is_written(saved, record, body.owner):
            raise
    return json_reply(saved, headers={"ETag": etag(saved)})


@router.post(PATH + "/{run_id}/cancel", response_model=Run)
def cancel_run(request: Request, workspace: str, run_id: str) -> Response:
    """Ask a run to end; returns at once."""
    record = server_of(request).store.runs.request_cancel(workspace, run_id)
    return json_reply(record, headers={"ETag": etag(record)})


def _new_record(request: Request, workspace: str, body: NewRun) -> RunRecord:
    values = _words(body.model_dump(exclude={"lease_seconds", "message"}))
    until = None if body.lease_seconds is None else time.time() + body.lease_seconds
    # A name that was proved counts more than one that was written.
    values["user"] = caller(request).name or body.user
    return RunRecord(workspace=workspace, lease_until=until, **values)


def _words(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, RunState) else value for name, value in values.items()}


def _version(request: Request) -> int:
    tag = request.headers.get("if-match", "").strip().strip('"')
    if not tag.isdecimal() or len(tag) > 10:  # noqa: PLR2004  digits of the largest version there can be
        raise InvalidInputError("The header If-Match must have the version of the run.", "Send the ETag that you read.")
    return int(tag)
