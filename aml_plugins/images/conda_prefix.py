"""A conda environment in an image: its files know the directory that they lie in, which is another there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from aml_plugins.errors import OperationFailedError
from aml_plugins.images.layers import Entry

__all__ = ["CONDA_PATH", "conda_entries", "conda_packages"]

CONDA_PATH = "opt/aml/conda"
# What only building machines need, or what names them.
_LEFT_OUT = frozenset({"__pycache__", "conda-meta", "pkgs", "include", "man"})


def conda_entries(prefix: Path) -> Iterator[Entry]:
    """Yield the environment's files as they are where ``/opt/aml/conda`` is its prefix.

    Text has the prefix replaced; in programs and libraries the rest of the string is moved up and zeros fill its end,
    as conda itself does where it installs (conda-build, "Making packages relocatable").

    :raises OperationFailedError: where the environment lies at a path that is shorter than the image's.
    """
    before, after = os.fsencode(prefix), f"/{CONDA_PATH}".encode()
    if len(before) < len(after):
        raise OperationFailedError(
            f"The conda environment {prefix} cannot be moved into an image: its path is too short.",
            "Choose a longer AML_HOME.",
        )
    for folder, names, files in os.walk(prefix):
        links = [name for name in names if Path(folder, name).is_symlink()]
        names[:] = sorted(name for name in names if name not in _LEFT_OUT and name not in links)
        for name in sorted([*files, *links]):
            if not name.startswith(".aml-"):
                yield _entry(Path(folder, name), prefix, before, after)


def conda_packages(prefix: Path) -> list[tuple[str, str]]:
    """Return name and version of the environment's conda packages, by the names of conda's own records."""
    found = (path.stem.rsplit("-", 2) for path in (prefix / "conda-meta").glob("*.json"))
    return sorted((parts[0], parts[1]) for parts in found if len(parts) == 3)  # noqa: PLR2004  NAME-VERSION-BUILD


def _entry(path: Path, prefix: Path, before: bytes, after: bytes) -> Entry:
    inside = f"{CONDA_PATH}/{path.relative_to(prefix).as_posix()}"
    if path.is_symlink():
        target = os.fsencode(path.readlink()).replace(before, after)
        return Entry(inside, link=os.fsdecode(target))
    executable = os.access(path, os.X_OK)
    content = path.read_bytes()
    if before not in content:
        return Entry(inside, path, executable=executable)
    return Entry(inside, content=_moved(content, before, after), executable=executable)


def _moved(content: bytes, before: bytes, after: bytes) -> bytes:
    if b"\0" not in content:
        return content.replace(before, after)
    return re.sub(re.escape(before) + rb"[^\0]*", lambda found: _padded(found.group(), before, after), content)


def _padded(text: bytes, before: bytes, after: bytes) -> bytes:
    return text.replace(before, after).ljust(len(text), b"\0")
