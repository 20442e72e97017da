"""A run's files: listed a level at a time, and downloaded, never shown: what a script wrote is a stranger's."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from aml_plugins.errors import NotFoundError
from aml_plugins.server.console.headers import STRANGERS_FILE
from aml_plugins.server.file_replies import file_reply, reply_of_made_file

if TYPE_CHECKING:
    from starlette.responses import Response

    from aml_plugins.runs.history import RunHistory

__all__ = ["HasLocalFiles", "download", "listing"]

LISTED = 5_000
"""Files of one directory that the page shows; ``aml run outputs`` brings all."""


@runtime_checkable
class HasLocalFiles(Protocol):
    """A run history whose files may lie on this machine."""

    def local_file(self, run_id: str, path: str) -> Path | None:
        """Return where a file lies, None where it does not lie here."""
        ...


def listing(history: RunHistory, run_id: str, path: str) -> dict[str, Any]:
    """Return one directory of a run's files, directories first."""
    found = sorted(history.files(run_id, path), key=lambda file: (not file.is_directory, file.path))
    return {
        "path": path,
        "files": [{"path": file.path, "directory": file.is_directory, "size": file.size} for file in found[:LISTED]],
        "left_out": max(0, len(found) - LISTED),
    }


def download(history: RunHistory, run_id: str, path: str) -> Response:
    """Return one file as a download.

    :raises NotFoundError: where there is no such file.
    """
    if not path.strip("/") or _is_directory(history, run_id, path):
        raise NotFoundError("The run has no such file.", "Choose one from the list.")
    near = history.local_file(run_id, path) if isinstance(history, HasLocalFiles) else None
    reply = file_reply(near) if near is not None else reply_of_made_file(partial(history.download, run_id, path))
    reply.headers.update(STRANGERS_FILE)
    return reply


def _is_directory(history: RunHistory, run_id: str, path: str) -> bool:
    """Say whether the path names a directory: bringing one would copy all that is below it."""
    parent = path.rstrip("/").rpartition("/")[0]
    return any(file.is_directory and file.path == path.rstrip("/") for file in history.files(run_id, parent))
