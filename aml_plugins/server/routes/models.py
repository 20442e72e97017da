"""Registered models: registering a run's files, and bringing them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from starlette.responses import FileResponse

from aml_plugins.errors import NotFoundError
from aml_plugins.runs.history import ModelVersion, RunHistory
from aml_plugins.runs.run_files import regular_files
from aml_plugins.server.file_replies import reply_of_made_file
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.idempotency import key_of, once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.history import Model, ModelBody
from aml_plugins.server.serving import server_of

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["models"])

KEY_TAG = "aml.idempotency_key"
Version = Annotated[str, InPath(pattern="^[0-9]{1,9}$")]


@router.post("/workspaces/{workspace}/models", status_code=201, response_model=Model)
def register_model(request: Request, workspace: str, body: ModelBody) -> Response:
    """Register a file or directory of a run as the next version of a model."""
    history = server_of(request).context.history(workspace)
    key = key_of(request)
    tags = {**body.tags, **({KEY_TAG: key} if key else {})}

    def make() -> ModelVersion:
        return history.register_model(body.name, body.run_id, body.path, tags=tags)

    made = once(request, body.model_dump(), make, lambda: _made_under(history, body.name, key))
    return json_reply(replace(made, tags=body.tags), status=201)


@router.get("/workspaces/{workspace}/models/{name}/versions/{version}/archive", response_class=FileResponse)
def download_model(request: Request, workspace: str, name: str, version: Version) -> Response:
    """Bring the files of a model's version as a zip."""
    history = server_of(request).context.history(workspace)

    def pack(directory: Path) -> Path:
        archive = directory / "model.zip"
        _pack(history.download_model(name, version, directory / "files"), archive)
        return archive

    return reply_of_made_file(pack)


def _made_under(history: RunHistory, name: str, key: str | None) -> ModelVersion | None:
    try:
        return next((version for version in history.models(name) if version.tags.get(KEY_TAG) == key), None)
    except NotFoundError:
        return None


def _pack(fetched: Path, archive: Path) -> None:
    """Pack what was fetched under its own name; models are compressed already, or do not care."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, strict_timestamps=False) as packed:
        for file, name in _members(fetched):
            packed.write(file, name)


def _members(fetched: Path) -> Iterator[tuple[Path, str]]:
    for file, below in regular_files(fetched):
        yield file, fetched.name if fetched.is_file() else os.path.join(fetched.name, below)  # noqa: PTH118
