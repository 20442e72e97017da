"""The files that requirement lines name: their content belongs to the environment's hash."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["digests"]

_SEPARATORS = re.compile(r"[\s=,;@'\"]+")
_EXTRAS = re.compile(r"\[[^\]]*\]$")
_CHUNK = 1 << 20


def digests(lines: Iterable[str], directory: str) -> dict[str, str]:
    """Return the SHA-256 of each file or directory that a line names, by the name it has there.

    A directory outside ``directory`` is left out: it is a package index, and indexes are not part of the hash.
    """
    root = os.path.realpath(directory)
    found = {}
    for name in sorted({word for line in lines for word in _names(line)}):
        path = os.path.realpath(os.path.join(root, name))
        if os.path.isfile(path):
            found[name] = _file(path)
        elif os.path.isdir(path) and (path == root or path.startswith(root + os.sep)):
            found[name] = _tree(path)
    return found


def _names(line: str) -> Iterator[str]:
    """Return the words of a line that can be paths; whether they are is for the disk to say."""
    for word in _SEPARATORS.split(line):
        name = _EXTRAS.sub("", re.sub(r"^file:(//)?", "", word))
        if name and not name.startswith("-") and "://" not in name and (os.sep in name or "." in name):
            yield name


def _file(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _tree(path: str) -> str:
    digest = hashlib.sha256()
    for directory, folders, files in os.walk(path):
        folders[:] = sorted(folder for folder in folders if folder != "__pycache__")
        for name in sorted(files):
            file = os.path.join(directory, name)
            if os.path.isfile(file):
                digest.update(f"{os.path.relpath(file, path)}\0{_file(file)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
