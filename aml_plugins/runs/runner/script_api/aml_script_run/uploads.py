"""Copies of uploaded files: the content at the time of the call, below ``uploads/RUN/`` in the job's directory."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from typing import Any, Callable, Iterator

from .errors import UserErrorException

MAX_PATH = 1000
MAX_SEGMENT = 255


def artifact_path(name: Any) -> str:
    """Return the path of a file in its run, with ``/``.

    :raises UserErrorException: where it would leave the run's files.
    """
    path = str(name).replace("\\", "/")
    segments = [segment for segment in path.split("/") if segment not in ("", ".")]
    leaves = path.startswith("/") or ".." in segments or re.match(r"[A-Za-z]:", path)
    if not segments or leaves or re.search(r"[\x00-\x1f\x7f]", path):
        raise UserErrorException(f"The file name '{name}' must be a relative path without '..'.")
    if len(path) > MAX_PATH or any(len(os.fsencode(segment)) > MAX_SEGMENT for segment in segments):
        raise UserErrorException(f"The file name '{str(name)[:60]}…' is too long.")
    return "/".join(segments)


class Uploads:
    """The copies of one run's files."""

    def __init__(self, directory: str, run_id: str) -> None:
        self._root = os.path.join(directory, run_id)

    def put(self, name: Any, source: Any) -> str:
        """Copy a file, a path or a readable stream to ``name``, replaced whole; return the artifact's path."""
        path = artifact_path(name)
        if hasattr(source, "read"):
            self._place(path, lambda part: _copy_stream(source, part))
            return path
        if not isinstance(source, (str, bytes, os.PathLike)):
            raise UserErrorException(
                f"UnsupportedType: type {type(source)} is invalid, supported input types: file path or file"
            )
        local = os.fspath(source)
        if not os.path.isfile(local):
            raise UserErrorException(f"Cannot upload '{os.fsdecode(local)}': there is no such file.")
        self._place(path, lambda part: shutil.copyfile(local, part))
        return path

    def put_new(self, folder: str, name: str, extension: str, write: Callable[[str], Any]) -> str:
        """Write a file under a name that no other has: ``NAME``, ``NAME-1``, ``NAME-2`` …; return its path."""
        stem = safe_segment(name)
        number = 0
        while True:
            path = "{}/{}{}.{}".format(folder, stem, f"-{number}" if number else "", extension)
            if self._claim(path):
                try:
                    self._place(path, write)
                except BaseException:
                    os.unlink(self.local(path))
                    raise
                return path
            number += 1

    def local(self, path: str) -> str:
        """Return where the copy of ``path`` is."""
        return os.path.join(self._root, *artifact_path(path).split("/"))

    def _claim(self, path: str) -> bool:
        local = self.local(path)
        os.makedirs(os.path.dirname(local), exist_ok=True)
        try:
            os.close(os.open(local, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        return True

    def _place(self, path: str, write: Callable[[str], Any]) -> None:
        local = self.local(path)
        try:
            self._replace(local, write)
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            raise UserErrorException(f"The run has a file or a folder in the way of '{path}'.") from None

    @staticmethod
    def _replace(local: str, write: Callable[[str], Any]) -> None:
        os.makedirs(os.path.dirname(local), exist_ok=True)
        part = os.path.join(os.path.dirname(local), f".{uuid.uuid4().hex}.part")
        try:
            write(part)
            os.replace(part, local)
        finally:
            if os.path.exists(part):
                os.unlink(part)


def folder_files(folder: Any) -> Iterator[tuple[str, str]]:
    """Yield local path and path relative to ``folder`` of each file below it, in a stable order.

    :raises UserErrorException: where it is no directory.
    """
    if not os.path.isdir(folder):
        raise UserErrorException(f"Cannot upload path: {folder} since it is not a valid directory.")
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            local = os.path.join(parent, name)
            if os.path.isfile(local):
                yield local, os.path.relpath(local, folder).replace(os.sep, "/")


def safe_segment(name: str) -> str:
    """Return ``name`` as a file name that every artifact store takes."""
    return re.sub(r"[^\w.\- ]", "_", str(name))[:100].strip(". ") or "unnamed"


def output_files(work: str, folder: str) -> list[str]:
    """Return the files of the script's own output directory, named as they will be in the run."""
    root = os.path.join(work, folder)
    if not os.path.isdir(root):
        return []
    return [f"{folder}/{relative}" for _, relative in folder_files(root)]


def _copy_stream(source: Any, part: str) -> None:
    with open(part, "wb") as file:
        while True:
            block = source.read(1 << 20)
            if not block:
                return
            file.write(block.encode("utf-8") if isinstance(block, str) else block)
