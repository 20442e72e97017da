"""Files of runs: which paths there are, and which files of a directory may go along. Links out of it never do."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from aml_plugins.errors import InvalidInputError, NotFoundError

__all__ = ["SNAPSHOT_FILE", "SNAPSHOT_FOLDER", "check_path", "no_such_file", "regular_files"]

SNAPSHOT_FOLDER, SNAPSHOT_FILE = "snapshot", "snapshot.zip"
"""Where a run's files have its snapshot."""


def no_such_file(path: str) -> NotFoundError:
    """Return the error for a path that the run has not."""
    return NotFoundError(f"The run has no artifact '{path}'.", "List them with: aml run outputs RUN")


def check_path(path: str) -> str:
    """Return an artifact path in its normal form.

    :raises InvalidInputError: where it could leave the run's artifacts.
    """
    parts = PurePosixPath(path).parts
    if path.startswith(("/", "~")) or "\\" in path or "\0" in path or ".." in parts:
        raise InvalidInputError(
            f"'{path}' is not a path within a run's artifacts.", "Use a relative path without '..'."
        )
    return "/".join(parts)


def regular_files(local: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file with its path below ``local``; a link to a file within ``local`` counts as that file.

    :raises NotFoundError: where there is neither file nor directory.
    """
    if local.is_dir():
        yield from _below(os.fspath(local), "", functools.partial(os.path.realpath, local))
        return
    if not local.is_file():
        raise NotFoundError(f"There is no file '{local}' to store with the run.", "Check the path.")
    yield local, local.name


def _below(directory: str, prefix: str, root: Callable[[], str]) -> Iterator[tuple[Path, str]]:
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:  # a directory's files come before what lies deeper, as people list them
        if entry.is_file() and (not entry.is_symlink() or os.path.realpath(entry.path).startswith(f"{root()}/")):
            yield Path(entry.path), prefix + entry.name
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, f"{prefix}{entry.name}/", root)
