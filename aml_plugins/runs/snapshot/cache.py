"""The cache's files: each is written aside and renamed into place; what a killed process leaves is swept up."""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from aml_plugins.errors import OperationFailedError

__all__ = ["Cache", "archive_identity"]

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
BUFFER = 1024 * 1024


def archive_identity(file: int | str | os.PathLike[str]) -> tuple[int, int, int]:
    """Return what tells one file from another; not the change time, which a hard link would alter."""
    found = os.stat(file)  # noqa: PTH116  # a descriptor or either kind of path
    return (found.st_ino, found.st_size, found.st_mtime_ns)


class Cache:
    """``DIGEST.zip`` files, ``index/`` with one index a directory, and ``tmp/``.

    No ``fsync``: whatever a power cut leaves half-written fails its check and is made anew.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._indexes = root / "index"
        self._temporary = root / "tmp"

    def zip_path(self, digest: str) -> Path:
        """Return where a snapshot lies or will lie."""
        return self.root / f"{digest}.zip"

    def index_path(self, key: str) -> Path:
        """Return where a directory's index lies or will lie."""
        return self._indexes / key

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Turn the file system's refusals into sentences."""
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise OperationFailedError(
                    f"The snapshot cache '{self.root}' is full.", "Free space there, or set AML_HOME to a larger disk."
                ) from None
            raise OperationFailedError(
                f"The snapshot cache '{self.root}' cannot be used: {error.strerror}.",
                "Make it writable, or set AML_HOME to a directory that is.",
            ) from None

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """Open a file aside; it is gone at the end unless it was published."""
        with self._locked() as file:
            try:
                yield file
            finally:
                with suppress(FileNotFoundError):
                    Path(file.name).unlink()

    def _locked(self) -> BinaryIO:
        """Make a file that nobody sweeps up while it is open; the kernel gives its lock back when the process dies."""
        while True:
            path = self._temporary / uuid.uuid4().hex
            file = path.open("x+b", buffering=BUFFER)
            with suppress(OSError):  # a file system without locks: there nothing is ever swept up
                fcntl.flock(file, fcntl.LOCK_EX)
            if path.exists():
                return file
            file.close()  # swept up between its making and its locking

    def publish(self, file: BinaryIO, path: Path) -> tuple[int, int, int]:
        """Give a file opened with :meth:`writing` its name, in place of what had it; return its identity."""
        file.flush()
        identity = archive_identity(file.fileno())
        Path(file.name).replace(path)
        return identity

    def prepare(self) -> None:
        """Make the directories, and sweep up what dead writers left."""
        for directory in (self._indexes, self._temporary):
            directory.mkdir(parents=True, exist_ok=True)
        for leftover in os.scandir(self._temporary):
            _remove_if_dead(leftover.path)


def _remove_if_dead(path: str) -> None:
    with suppress(OSError), open(path, "rb") as file:  # noqa: PTH123  # a string from os.scandir
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)  # noqa: PTH108  # a string from os.scandir
