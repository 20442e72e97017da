"""The read models behind the page, one request a page, and the one thing that it changes: a run can be canceled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from aml_plugins.mlflow_store import workspaces as mlflow_workspaces
from aml_plugins.server.access import Action
from aml_plugins.server.console import artifact_files, service_routes, snapshot_files
from aml_plugins.server.console.filters import Filters, FurtherFilters
from aml_plugins.server.console.headers import STRANGERS_FILE
from aml_plugins.server.console.live import Streams
from aml_plugins.server.console.log_reader import LogReader, Position
from aml_plugins.server.console.overview import overview, page_of_runs
from aml_plugins.server.console.own_page import check_own_page
from aml_plugins.server.console.queries import queries_of
from aml_plugins.server.console.replies import unchanged_or
from aml_plugins.server.console.run_page import run_page, run_summary
from aml_plugins.server.console.run_stream import RunStream
from aml_plugins.server.console.series import series
from aml_plugins.server.console.task_page import task_page
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.routes.run_logs import spool_of
from aml_plugins.server.serving import Server, server_of
from aml_plugins.store.page_tokens import position_of
from aml_plugins.store.records import RunRecord

__all__ = ["ROUTERS", "router"]

router = APIRouter(route_class=GuardedRoute, prefix="/console", include_in_schema=False)
streams = Streams()

RunId = Annotated[str, Path(max_length=100)]
FilePath = Annotated[str, Query(max_length=4000)]

ROUTERS = (router, service_routes.router)
"""Those of the page's data. None is within another: FastAPI since 0.137 does not say which routes are in there."""


@router.get("/workspaces", name="console_workspaces")
def show_workspaces(request: Request) -> Response:
    """List the workspaces that the caller sees, with how much goes on in each."""
    server, who = server_of(request), caller(request)
    seen = server.access.workspaces(who, Action.READ)
    names = [
        name for name in mlflow_workspaces.list_workspaces(server.settings.store_uri) if seen is None or name in seen
    ]
    active = queries_of(server.store).active_runs()
    items = [{"name": name, "role": _role(request, name), "active_runs": active.get(name, 0)} for name in names]
    return unchanged_or(request, {"user": who.name, "workspaces": items})


@router.get("/workspaces/{workspace}/overview", name="console_overview")
def show_overview(request: Request, workspace: str, filters: Annotated[Filters, Query()]) -> Response:
    """Return the overview of a workspace, with the newest runs that pass the filter."""
    server = server_of(request)
    found = overview(server.store, queries_of(server.store), workspace, filters.wanted())
    return unchanged_or(request, found | {"user": caller(request).name, "role": _role(request, workspace)})


@router.get("/workspaces/{workspace}/runs", name="console_runs")
def show_runs(request: Request, workspace: str, filters: Annotated[FurtherFilters, Query()]) -> Response:
    """Return a further page of runs."""
    before = position_of(filters.page_token, float, str)
    return unchanged_or(
        request, page_of_runs(queries_of(server_of(request).store), workspace, filters.wanted(), before)
    )


@router.get("/workspaces/{workspace}/runs/{run_id}", name="console_run")
def show_run(request: Request, workspace: str, run_id: RunId) -> Response:
    """Return the page of a run."""
    server = server_of(request)
    found = run_page(
        server.context, queries_of(server.store), _run(server, workspace, run_id), server.settings.static_prefix
    )
    may_cancel = server.access.may(caller(request), Action.CONTRIBUTE, workspace)
    return unchanged_or(request, found | {"user": caller(request).name, "may_cancel": may_cancel})


@router.get("/workspaces/{workspace}/runs/{run_id}/live", name="console_live")
def listen_to_run(request: Request, workspace: str, run_id: RunId) -> Response:
    """Stream a run's state and log; `Last-Event-ID` goes on after what was received."""
    server, who = server_of(request), caller(request)
    _run(server, workspace, run_id)
    position = Position.parse(request.headers.get("last-event-id"))
    return streams.answer(
        RunStream(
            server.context,
            workspace,
            run_id,
            LogReader(server.context, spool_of(server), position),
            check=lambda: server.access.check(who, Action.READ, workspace),
        )
    )


@router.get("/workspaces/{workspace}/runs/{run_id}/log", name="console_log")
def download_log(request: Request, workspace: str, run_id: RunId) -> Response:
    """Return the whole log so far, as a download."""
    server = server_of(request)
    run = _run(server, workspace, run_id)
    headers = STRANGERS_FILE | {"Content-Disposition": f'attachment; filename="{run.run_id}.log"'}
    return StreamingResponse(_whole_log(server, run), media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/workspaces/{workspace}/runs/{run_id}/files", name="console_files")
def list_files(request: Request, workspace: str, run_id: RunId, path: FilePath = "") -> Response:
    """Return one directory of a run's files."""
    server = server_of(request)
    _run(server, workspace, run_id)
    return unchanged_or(request, artifact_files.listing(server.context.history(workspace), run_id, path))


@router.get("/workspaces/{workspace}/runs/{run_id}/file", name="console_file")
def download_file(request: Request, workspace: str, run_id: RunId, path: FilePath) -> Response:
    """Return one of a run's files, as a download."""
    server = server_of(request)
    _run(server, workspace, run_id)
    return artifact_files.download(server.context.history(workspace), run_id, path)


@router.get("/workspaces/{workspace}/runs/{run_id}/snapshot", name="console_snapshot")
def show_snapshot(request: Request, workspace: str, run_id: RunId) -> Response:
    """Return the tree of a run's snapshot."""
    server = server_of(request)
    return unchanged_or(request, snapshot_files.snapshot_tree(server.context, _run(server, workspace, run_id)))


@router.get("/workspaces/{workspace}/runs/{run_id}/snapshot/file", name="console_snapshot_file")
def show_snapshot_file(request: Request, workspace: str, run_id: RunId, path: FilePath) -> Response:
    """Return the text of one file of a run's snapshot."""
    server = server_of(request)
    return unchanged_or(request, snapshot_files.snapshot_file(server.context, _run(server, workspace, run_id), path))


@router.get("/workspaces/{workspace}/runs/{run_id}/series", name="console_series")
def show_series(request: Request, workspace: str, run_id: RunId, key: FilePath) -> Response:
    """Return the values of one metric."""
    server = server_of(request)
    _run(server, workspace, run_id)
    return unchanged_or(request, series(server.context.history(workspace), run_id, key))


@router.post("/workspaces/{workspace}/runs/{run_id}/cancel", name="console_cancel")
def cancel_run(request: Request, workspace: str, run_id: RunId) -> Response:
    """Ask a run to end."""
    check_own_page(request, "Cancel the run in the console.")
    server = server_of(request)
    run = _run(server, workspace, run_id)
    return json_reply({"run": run_summary(server.store.runs.request_cancel(workspace, run.run_id))})


@router.get("/workspaces/{workspace}/tasks/{task_id}", name="console_task")
def show_task(request: Request, workspace: str, task_id: RunId) -> Response:
    """Return the page of a task."""
    found: dict[str, Any] = task_page(server_of(request).store, workspace, task_id)
    return unchanged_or(request, found | {"user": caller(request).name})


def _run(server: Server, workspace: str, run_id: str) -> RunRecord:
    """Return the run.

    :raises NotFoundError: where the workspace has none of this id, whatever other workspaces have.
    """
    return server.store.runs.get(workspace, run_id)


def _role(request: Request, workspace: str) -> str:
    return server_of(request).access.role(caller(request), workspace).name.lower()


def _whole_log(server: Server, run: RunRecord) -> Iterator[bytes]:
    reader = LogReader(server.context, spool_of(server), Position(run.attempt, 0))
    try:
        while piece := reader.read(run):
            yield piece.text.encode("utf-8", "replace")
    finally:
        reader.close()
