"""A run's files: listed a level at a time, and downloaded, never shown: what a script wrote is a stranger's."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from aml_plugins.errors import NotFoundError
from aml_plugins.server.console.headers import STRANGERS_FILE

if TYPE_CHECKING:
    from starlette.responses import Response

    from aml_plugins.runs.history import RunHistory

__all__ = ["download", "listing"]


def listing(history: RunHistory, run_id: str, path: str) -> dict[str, Any]:
    """Return one directory of a run's files, directories first."""
    found = sorted(history.files(run_id, path), key=lambda file: (not file.is_directory, file.path))
    return {
        "path": path,
        "files": [{"path": file.path, "directory": file.is_directory, "size": file.size} for file in found],
    }


def download(history: RunHistory, run_id: str, path: str) -> Response:
    """Return one file as a download.

    :raises NotFoundError: where there is no such file.
    """
    if not path.strip("/") or _is_directory(history, run_id, path):
        raise NotFoundError("The run has no such file.", "Choose one from the list.")
    directory = Path(tempfile.mkdtemp(prefix="aml-download-"))
    try:
        local = history.download(run_id, path, directory)
        name = path.rstrip("/").rpartition("/")[2]
        return FileResponse(
            local,
            media_type="application/octet-stream",
            filename=name,
            headers=STRANGERS_FILE,
            background=BackgroundTask(shutil.rmtree, directory, ignore_errors=True),
        )
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _is_directory(history: RunHistory, run_id: str, path: str) -> bool:
    """Say whether the path names a directory: bringing one would copy all that is below it."""
    parent = path.rstrip("/").rpartition("/")[0]
    return any(file.is_directory and file.path == path.rstrip("/") for file in history.files(run_id, parent))
