"""Files of runs, wherever MLflow keeps them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.run_files import SNAPSHOT_FOLDER, check_path, no_such_file
from aml_plugins.server.file_replies import file_reply, reply_of_made_file
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.history import Artifact
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.served_datastores import served_datastore
from aml_plugins.server.serving import server_of
from aml_plugins.server.stored_snapshots import named_copy, stored_snapshot
from aml_plugins.server.uploads import UPLOAD_OPENAPI, received

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["run files"])

RUN = "/workspaces/{workspace}/mlflow-runs/{run_id}"
PATH = RUN + "/artifacts"
RunId = Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]
Digest = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]
FilePath = Annotated[str, InPath(max_length=4000)]


@router.get(PATH, response_model=Page[Artifact])
def list_artifacts(
    request: Request,
    workspace: str,
    run_id: RunId,
    *,
    path: Annotated[str, Query(max_length=4000)] = "",
    limit: LIMIT = 1000,
    page_token: PageToken = None,
) -> Response:
    """List one directory level of a run's files, by path."""
    found = server_of(request).context.history(workspace).files(run_id, check_path(path))
    return json_reply(page(sorted(found, key=lambda file: file.path), limit, page_token, lambda file: file.path))


@router.get(PATH + "/{path:path}", response_class=FileResponse)
def download_artifact(request: Request, workspace: str, run_id: RunId, path: FilePath) -> Response:
    """Bring a file of a run."""
    history = server_of(request).context.history(workspace)
    path = check_path(path)
    local = history.local_file(run_id, path) if hasattr(history, "local_file") else None
    if local is not None:
        return file_reply(local)

    def fetch(directory: Path) -> Path:
        fetched = history.download(run_id, path, directory)
        if not fetched.is_file():
            raise no_such_file(path)
        return fetched

    return reply_of_made_file(fetch)


@router.put(PATH + "/{path:path}", status_code=204, openapi_extra=UPLOAD_OPENAPI)
async def upload_artifact(request: Request, workspace: str, run_id: RunId, path: FilePath) -> Response:
    """Store a file of a run, whole or not at all."""
    wanted = PurePosixPath(check_path(path))
    if not wanted.name:
        raise InvalidInputError("The path of a file is missing.", "Put it behind /artifacts/.")
    folder = "" if wanted.parent == PurePosixPath() else wanted.parent.as_posix()
    history = server_of(request).context.history(workspace)
    await run_in_threadpool(history.get, run_id)  # before anything is written for a run that is not there
    async with received(request, wanted.name) as file:
        await run_in_threadpool(history.upload, run_id, file, folder)
    return Response(status_code=204)


@router.put(RUN + "/snapshots/{digest}", status_code=204)
def attach_snapshot(request: Request, workspace: str, run_id: RunId, digest: Digest) -> Response:
    """Put a stored snapshot among the run's files as `snapshot/snapshot.zip`, without its being sent once more."""
    server = server_of(request)
    history = server.context.history(workspace)
    history.get(run_id)  # before anything is fetched for a run that is not there
    record = stored_snapshot(server, workspace, digest)
    datastore = served_datastore(server, workspace, record.datastore)
    with named_copy(datastore, record.path, server.context.home) as file:
        history.upload(run_id, file, SNAPSHOT_FOLDER)
    return Response(status_code=204)
