"""Files of datastores that clients cannot reach themselves: snapshots of those who submit, above all."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from aml_plugins.datastores.paths import relative_path
from aml_plugins.errors import NotFoundError
from aml_plugins.server.file_replies import file_reply, reply_of_made_file
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.things import DatastoreFile, DatastoreFileState
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.served_datastores import served_datastore
from aml_plugins.server.serving import server_of
from aml_plugins.server.uploads import UPLOAD_OPENAPI, received

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["datastore files"])

PATH = "/workspaces/{workspace}/datastores/{name}"
FilePath = Annotated[str, InPath(min_length=1, max_length=4000)]


@router.get(PATH + "/files", response_model=Page[DatastoreFile])
def list_datastore_files(
    request: Request,
    workspace: str,
    name: str,
    *,
    prefix: Annotated[str, Query(max_length=4000)] = "",
    limit: LIMIT = 1000,
    page_token: PageToken = None,
) -> Response:
    """List the files below `prefix`, by path."""
    found = sorted(served_datastore(server_of(request), workspace, name).list(prefix))
    listed = page(found, limit, page_token, lambda file: file[0])
    return json_reply({**listed, "items": [{"path": path, "size": size} for path, size in listed["items"]]})


@router.get(PATH + "/file-states/{path:path}", response_model=DatastoreFileState)
def show_datastore_file(request: Request, workspace: str, name: str, path: FilePath) -> Response:
    """Say whether a file is there."""
    return json_reply({"path": path, "exists": served_datastore(server_of(request), workspace, name).exists(path)})


@router.get(PATH + "/files/{path:path}", response_class=FileResponse)
def download_datastore_file(request: Request, workspace: str, name: str, path: FilePath) -> Response:
    """Bring a file."""
    datastore = served_datastore(server_of(request), workspace, name)
    local = datastore.local_path(path)
    if local is not None:
        if not local.is_file():
            raise NotFoundError(f"There is no file '{path}' in the datastore '{name}'.", "List its files.")
        return file_reply(local)

    def fetch(directory: Path) -> Path:
        fetched = directory / PurePosixPath(path).name
        datastore.get(path, fetched)
        return fetched

    return reply_of_made_file(fetch)


@router.put(PATH + "/files/{path:path}", status_code=204, openapi_extra=UPLOAD_OPENAPI)
async def upload_datastore_file(request: Request, workspace: str, name: str, path: FilePath) -> Response:
    """Store a file, whole or not at all."""
    wanted = relative_path(path)
    datastore = await run_in_threadpool(served_datastore, server_of(request), workspace, name)
    async with received(request, wanted.name) as file:
        await run_in_threadpool(datastore.put, file, path, immutable=True)
    return Response(status_code=204)


@router.delete(PATH + "/files/{path:path}", status_code=204)
def delete_datastore_file(request: Request, workspace: str, name: str, path: FilePath) -> Response:
    """Delete a file; one that is missing is fine."""
    served_datastore(server_of(request), workspace, name).delete(path)
    return Response(status_code=204)
