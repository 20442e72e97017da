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


_ENCRYPTED = 1
_DAMAGED = (zipfile.BadZipFile, EOFError, NotImplementedError)
_SERVER = "No server of ours packs so: check whose address it is."


def download_model(connection: Connection, workspace: str, name: str, version: str, destination: Path) -> Path:
    """Bring a version's file or directory below ``destination``, under its own name.

    Nothing is there before all of it was checked and unpacked, in a directory beside.

    :raises StoreError: where the archive is damaged, leads out of ``destination``, or would become larger than it is.
    """
    destination.mkdir(parents=True, exist_ok=True)
    path = path_of("workspaces", workspace, "models", name, "versions", version, "archive")
    with tempfile.TemporaryDirectory(prefix=".aml-model-", dir=destination) as directory:
        archive = Path(directory) / "model.zip"
        fetch(connection, path, archive)
        unpacked = _unpacked(archive, Path(directory) / "files")
        for file, parts in unpacked.items():
            target = destination.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
    tops = {parts[0] for parts in unpacked.values()}
    return destination / tops.pop() if len(tops) == 1 else destination


def _unpacked(archive: Path, staging: Path) -> dict[Path, tuple[str, ...]]:
    """Unpack what passes; return each file with its path in parts."""
    found: dict[Path, tuple[str, ...]] = {}
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            _check_sizes(members, archive.stat().st_size)
            parts_of = {member: _parts(member) for member in members}
            for member, parts in parts_of.items():
                file = staging.joinpath(*parts)
                file.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(member) as source, file.open("xb") as target:
                    shutil.copyfileobj(source, target)
                found[file] = parts
    except (*_DAMAGED, FileExistsError, NotADirectoryError) as error:
        raise StoreError("The model's archive is damaged.", "Try again.") from error
    return found


def _check_sizes(members: list[zipfile.ZipInfo], size: int) -> None:
    """Servers pack without compression: what unpacks to more than came is a bomb, also by members that overlap."""
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & _ENCRYPTED for member in members):
        raise StoreError("The model's archive is compressed or encrypted.", _SERVER)
    total = sum(member.file_size for member in members)
    if total > size:
        raise StoreError(f"The model's archive of {size:,} bytes would become {total:,} bytes.", _SERVER)


def _parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    parts = PurePosixPath(member.filename).parts
    if not parts or ".." in parts or member.filename.startswith("/") or "\\" in member.filename:
        raise StoreError(f"The model has a file '{member.filename}' that leads out of it.", "Register it again.")
    return parts
