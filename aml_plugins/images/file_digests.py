"""Files by their content: what is packed once is known again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aml_plugins.images.layers import files_below

__all__ = ["digest_of_files"]


def digest_of_files(path: Path) -> str:
    """Return a digest of a file's or a directory's content."""
    whole = hashlib.sha256()
    if path.is_file():
        _take_in(whole, path.name, path)
    for entry in files_below(path, "", without=frozenset({"__pycache__"})):
        assert entry.source is not None  # noqa: S101  files of a directory
        _take_in(whole, entry.path, entry.source)
    return whole.hexdigest()


def _take_in(whole: hashlib._Hash, name: str, path: Path) -> None:
    whole.update(f"{name}\0{path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            whole.update(piece)
