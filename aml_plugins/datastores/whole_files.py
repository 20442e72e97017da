"""Bring a file to a place completely or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

__all__ = ["PART_PREFIX", "copy_whole", "link_whole"]

PART_PREFIX = ".aml-part-"
"""How the names of files begin that are still being written."""

_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})
"""Another file system, one without hard links, or one that forbids linking other people's files."""


def copy_whole(source: Path, destination: Path) -> None:
    """Copy, flush to the disk and rename: no reader and no crash ever sees half a file."""
    with _part_of(destination) as part, source.open("rb") as reading:
        with part.open("xb") as writing:
            shutil.copyfileobj(reading, writing, 1024 * 1024)
            writing.flush()
            os.fsync(writing.fileno())
        part.replace(destination)


def link_whole(source: Path, destination: Path) -> bool:
    """Link instead of copying; say whether it could be done."""
    with _part_of(destination) as part:
        try:
            os.link(source.resolve(), part)
        except OSError as error:
            if error.errno in _CANNOT_LINK:
                return False
            raise
        part.replace(destination)
    return True


@contextmanager
def _part_of(destination: Path) -> Iterator[Path]:
    """Give a name beside ``destination`` and leave nothing under it.

    Not even after a rename: where both names are links to one file already, POSIX renames nothing.
    """
    part = destination.with_name(f"{PART_PREFIX}{uuid4().hex}")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
