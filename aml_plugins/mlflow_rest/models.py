"""Files of registered models through the server."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from aml_plugins.errors import StoreError
from aml_plugins.mlflow_rest.files import fetch
from aml_plugins.store.rest.connection import Connection, path_of

__all__ = ["download_model"]


def download_model(connection: Connection, workspace: str, name: str, version: str, destination: Path) -> Path:
    """Bring a version's file or directory below ``destination``, under its own name."""
    destination.mkdir(parents=True, exist_ok=True)
    path = path_of("workspaces", workspace, "models", name, "versions", version, "archive")
    with tempfile.TemporaryDirectory(prefix=".aml-model-", dir=destination) as directory:
        archive = Path(directory) / "model.zip"
        fetch(connection, path, archive)
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            for member in members:
                _unpack(packed, member, destination)
    tops = {PurePosixPath(member.filename).parts[0] for member in members}
    return destination / tops.pop() if len(tops) == 1 else destination


def _unpack(packed: zipfile.ZipFile, member: zipfile.ZipInfo, destination: Path) -> None:
    parts = PurePosixPath(member.filename).parts
    if not parts or ".." in parts or member.filename.startswith("/") or "\\" in member.filename:
        raise StoreError(f"The model has a file '{member.filename}' that leads out of it.", "Register it again.")
    target = destination.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
