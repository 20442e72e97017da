"""Keep a datastore's paths inside its root, symbolic links included."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from aml_plugins.errors import InvalidInputError, NotFoundError

__all__ = ["check_is_file", "inside", "relative_path"]


def relative_path(path: str) -> PurePosixPath:
    """Return ``path`` as a relative path without detours; the empty path is the root.

    :raises InvalidInputError: for an absolute path, one with ``..``, ``.``, empty parts or a zero byte.
    """
    parts = path.split("/") if path else []
    if any(part in {"", ".", ".."} for part in parts) or "\0" in path:
        raise InvalidInputError(
            f"'{path[:200]!s}' is no path in a datastore.".replace("\0", "\\0"),
            "Write a relative path with single slashes, without '.' and '..'.",
        )
    return PurePosixPath(*parts)


def inside(root: Path, path: str) -> Path:
    """Return the file that ``path`` means below ``root``; it need not exist.

    :raises InvalidInputError: where the path, or a symbolic link on its way, leaves the root.
    """
    relative = relative_path(path)
    file = root / relative
    if not _has_links(root, relative):
        return file
    real_root = root.resolve()
    try:
        real = file.resolve()
    except (OSError, RuntimeError):  # a loop of links; Python before 3.13 raises RuntimeError for it
        real = Path("/")
    if not real.is_relative_to(real_root):
        raise InvalidInputError(
            f"The path '{path}' leads out of the datastore through a symbolic link.",
            "Replace the link by the file itself, or register its directory as a datastore of its own.",
        )
    return file


def _has_links(root: Path, relative: PurePosixPath) -> bool:
    """Say whether there is a link below the root; without one, nothing leads out, wherever the root itself lies."""
    place = str(root)
    for part in relative.parts:
        place = f"{place}/{part}"
        if os.path.islink(place):  # noqa: PTH114  asked for each run
            return True
    return False


def check_is_file(local: Path) -> None:
    """Refuse to store what is no file.

    :raises NotFoundError: where there is none.
    """
    if not local.is_file():
        raise NotFoundError(f"There is no file {local}.", "Only files can be stored, one at a time.")
