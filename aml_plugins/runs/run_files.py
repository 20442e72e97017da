"""Files of runs: which paths there are, and which files of a directory may go along. Links out of it never do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from aml_plugins.errors import InvalidInputError, NotFoundError

__all__ = ["check_path", "no_such_file", "regular_files"]


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
    if not local.exists():
        raise NotFoundError(f"There is no file '{local}' to store with the run.", "Check the path.")
    if local.is_file():
        yield local, local.name
        return
    root = local.resolve()
    for directory, folders, names in os.walk(local):
        folders.sort()
        for name in sorted(names):
            file = Path(directory, name)
            resolved = file.resolve()
            if resolved.is_relative_to(root) and resolved.is_file():
                yield file, file.relative_to(local).as_posix()
