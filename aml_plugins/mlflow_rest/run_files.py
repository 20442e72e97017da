"""Files of runs through the server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from aml_plugins.mlflow_rest.files import fetch, send
from aml_plugins.runs.history import FileInfo
from aml_plugins.runs.run_files import check_path, no_such_file, regular_files
from aml_plugins.store.rest.asking import pages
from aml_plugins.store.rest.connection import Connection

__all__ = ["download", "files", "upload"]


def upload(connection: Connection, base: str, local: Path, path: str) -> None:
    """Store a file under the directory ``path``, or a directory's contents below it."""
    for file, below in regular_files(local):
        send(connection, f"{base}/{quote(PurePosixPath(path, below).as_posix())}", file)


def files(connection: Connection, base: str, path: str) -> Sequence[FileInfo]:
    """List one directory level."""
    found = pages(connection, base, {"path": check_path(path)})
    return [FileInfo(item["path"], item["is_directory"], item["size"]) for item in found]


def download(connection: Connection, base: str, path: str, destination: Path) -> Path:
    """Bring a file or directory below ``destination``, under its artifact path."""
    path = check_path(path)
    target = destination / path
    if path and not _is_directory(connection, base, path):
        target.parent.mkdir(parents=True, exist_ok=True)
        fetch(connection, f"{base}/{quote(path)}", target)
        return target
    target.mkdir(parents=True, exist_ok=True)
    for file in files(connection, base, path):
        # One level down, and nowhere else, whatever the server says.
        if PurePosixPath(check_path(file.path)).parent == PurePosixPath(path or "."):
            download(connection, base, file.path, destination)
    return target


def _is_directory(connection: Connection, base: str, path: str) -> bool:
    parent = str(PurePosixPath(path).parent)
    for file in files(connection, base, "" if parent == "." else parent):
        if file.path == path:
            return file.is_directory
    raise no_such_file(path)
