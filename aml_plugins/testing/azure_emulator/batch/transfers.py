"""Resource files in, output files out: plain HTTP with signed URLs."""

from __future__ import annotations

import fnmatch
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree import ElementTree as ET

__all__ = ["TransferError", "download", "upload"]

_SECONDS = 60
_VERSION = "2021-08-06"
_PIECE = 1 << 20


class TransferError(Exception):
    """A file that could not be brought.

    :param code: what Batch calls it.
    :param details: as name and value.
    """

    def __init__(self, code: str, message: str, **details: str) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


def download(files: Sequence[Mapping[str, Any]], directory: Path) -> None:
    """Bring resource files into a task's working directory."""
    for file in files:
        if "httpUrl" in file:
            _fetch(str(file["httpUrl"]), _target(directory, str(file["filePath"])), file.get("fileMode"))
        elif "storageContainerUrl" in file:
            _fetch_container(file, directory)
        else:
            raise TransferError("ResourceContainerAccessDenied", "The account has no auto-storage.")


def upload(outputs: Sequence[Mapping[str, Any]], directory: Path, *, succeeded: bool) -> None:
    """Send a task's output files to their containers, those whose condition is met."""
    for output in outputs:
        condition = str(output["uploadOptions"]["uploadCondition"]).lower()
        if condition == "taskcompletion" or (condition == "tasksuccess") is succeeded:
            _upload(output, directory)


def _upload(output: Mapping[str, Any], directory: Path) -> None:
    container = output["destination"]["container"]
    pattern = str(output["filePattern"])
    prefix = str(container.get("path") or "")
    is_pattern = any(sign in pattern for sign in "*?[")
    for file, relative in _matching(pattern, directory):
        name = f"{prefix}/{relative}".lstrip("/") if is_pattern else (prefix or relative)
        _put(file, _blob_url(str(container["containerUrl"]), name))


def _matching(pattern: str, directory: Path) -> Iterator[tuple[Path, str]]:
    """Yield files and their names relative to the part of the pattern that has no wildcard."""
    parts = pattern.split("/")
    fixed = next((at for at, part in enumerate(parts) if any(sign in part for sign in "*?[")), len(parts) - 1)
    root = Path(os.path.normpath(directory.joinpath(*parts[:fixed])))
    wanted = _expression("/".join(parts[fixed:]))
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            file = Path(folder, name)
            relative = file.relative_to(root).as_posix()
            if wanted.fullmatch(relative) and file.is_file() and not file.is_symlink():
                yield file, relative


def _expression(pattern: str) -> re.Pattern[str]:
    """``**`` is any number of folders, other wildcards stay within one."""
    pieces = []
    for part in pattern.split("/"):
        if part == "**":
            pieces.append("(?:[^/]+/)*")
        else:
            inner = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z").replace(".*", "[^/]*")
            pieces.append(inner + "/")
    text = "".join(pieces)
    return re.compile(text + "[^/]*" if pattern.endswith("**") else text.removesuffix("/"))


def _target(directory: Path, name: str) -> Path:
    target = Path(os.path.normpath(directory / name))
    if not target.is_relative_to(directory) or target == directory:
        raise TransferError("ResourceFileCreateFailed", "The path leaves the working directory.", FilePath=name)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _fetch(url: str, target: Path, mode: str | None) -> None:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer, target.open("wb") as file:  # noqa: S310  a user's
            while piece := answer.read(_PIECE):
                file.write(piece)
    except urllib.error.HTTPError as error:
        code = {404: "BlobNotFound", 403: "BlobAccessDenied", 401: "BlobAccessDenied"}.get(error.code)
        raise TransferError(
            code or "BlobDownloadMiscError",
            {
                "BlobNotFound": "One of the specified Azure Blob(s) is not found",
                "BlobAccessDenied": "Access for one of the specified Azure Blob(s) is denied",
            }.get(code or "", "Miscellaneous error encountered while downloading one of the specified Azure Blob(s)"),
            BlobSource=url.partition("?")[0],
            FilePath=target.name,
        ) from None
    except OSError as error:
        raise TransferError(
            "BlobDownloadMiscError",
            "Miscellaneous error encountered while downloading one of the specified Azure Blob(s)",
            BlobSource=url.partition("?")[0],
            Reason=str(error)[:200],
        ) from None
    target.chmod(int(mode or "0770", 8))


def _fetch_container(file: Mapping[str, Any], directory: Path) -> None:
    url = str(file["storageContainerUrl"])
    prefix = str(file.get("blobPrefix") or "")
    listing = f"{url}{'&' if '?' in url else '?'}restype=container&comp=list&prefix={quote(prefix)}"
    try:
        with urllib.request.urlopen(listing, timeout=_SECONDS) as answer:  # noqa: S310  a user's
            names = [node.text or "" for node in ET.fromstring(answer.read()).iter("Name")]  # noqa: S314  Azure's
    except OSError:
        raise TransferError("ResourceContainerAccessDenied", "Access to the container is denied.") from None
    folder = directory / str(file.get("filePath") or "")
    for name in names:
        _fetch(_blob_url(url, name), _target(folder, name), file.get("fileMode"))


def _blob_url(container: str, name: str) -> str:
    parts = urlsplit(container)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}"))


def _put(file: Path, url: str) -> None:
    headers = {
        "x-ms-blob-type": "BlockBlob",
        "x-ms-version": _VERSION,
        "Content-Length": str(file.stat().st_size),
        "Content-Type": "application/octet-stream",
    }
    try:
        with file.open("rb") as content:
            request = urllib.request.Request(url, data=content, headers=headers, method="PUT")  # noqa: S310  a user's
            urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310  likewise
    except OSError as error:
        raise TransferError(
            "FileUploadMiscError",
            "Miscellaneous error encountered while uploading one of the output files",
            FilePath=file.name,
            Reason=str(error)[:200],
        ) from None
