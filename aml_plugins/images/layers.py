"""Layers: tar archives that are the same, byte for byte, for the same files."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from aml_plugins.images.layout import LAYER_TYPE, Blob, Layout
from aml_plugins.images.packing import packing

__all__ = [
    "Entry",
    "cached_layer",
    "files_below",
    "keep_layer",
    "known_layer",
    "note_layer",
    "write_layer",
    "write_tar",
]

_EXECUTABLE, _PLAIN = 0o755, 0o644


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a layer: its content, a file that has it, or the target of a symbolic link.

    :param path: in the image, without a leading slash.
    """

    path: str
    source: Path | None = None
    content: bytes = b""
    link: str | None = None
    executable: bool = False


def files_below(directory: Path, prefix: str, *, without: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """Yield the files of a directory; links to files are files, and links to directories are not followed.

    :param without: names of files and directories that are left out.
    """
    for folder, names, files in os.walk(directory):
        names[:] = sorted(name for name in names if name not in without)
        for name in sorted(files):
            path = Path(folder, name)
            if name not in without and path.is_file():
                inside = path.relative_to(directory).as_posix()
                yield Entry(f"{prefix}/{inside}" if prefix else inside, path, executable=os.access(path, os.X_OK))


def write_layer(layout: Layout, entries: Iterable[Entry]) -> Blob:
    """Store a layer; entries are sorted, folders are made, times and owners are zero."""
    with layout.writing() as (file, named), packing(file) as packed:
        write_tar(packed, entries)
    return _stored(layout, named[0], packed.diff_id)


def write_tar(file: Any, entries: Iterable[Entry]) -> None:
    """Write entries as a tar archive."""
    by_path = {entry.path.strip("/"): entry for entry in entries}
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        for path in _with_folders(by_path):
            _add(archive, path, by_path.get(path))


def cached_layer(layout: Layout, key: object, entries: Iterable[Entry]) -> tuple[Blob, bool]:
    """Return the layer that was made for an equal key, else make it; say whether it was there.

    :param key: JSON; all that the entries depend on. ``entries`` is only looked at where the layer is missing.
    """
    known = known_layer(layout, key)
    if known is not None:
        return known, True
    layer = write_layer(layout, entries)
    note_layer(layout, key, layer)
    return layer, False


def known_layer(layout: Layout, key: object) -> Blob | None:
    """Return the layer that was made for an equal key, None where it is not here."""
    known = _read(_note(layout, key))
    return known if known is not None and layout.has(known.digest) else None


def note_layer(layout: Layout, key: object, layer: Blob) -> None:
    """Remember what was made for a key."""
    note = _note(layout, key)
    note.parent.mkdir(parents=True, exist_ok=True)
    partial = note.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps([layer.digest, layer.size, layer.diff_id]))
    partial.replace(note)


def keep_layer(layout: Layout, archive: IO[bytes]) -> Blob:
    """Store a layer that another program made as it is, compressed as ours are."""
    with layout.writing() as (file, named), packing(file) as packed:
        while piece := archive.read(1 << 20):
            packed.write(piece)
    return _stored(layout, named[0], packed.diff_id)


def _stored(layout: Layout, digest: str, diff_id: str) -> Blob:
    return Blob(LAYER_TYPE, digest, layout.path(digest).stat().st_size, diff_id)


def _note(layout: Layout, key: object) -> Path:
    name = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
    return layout.root / "layers" / f"{name}.json"


def _read(note: Path) -> Blob | None:
    try:
        digest, size, diff_id = json.loads(note.read_text())
    except (OSError, ValueError):
        return None
    return Blob(LAYER_TYPE, digest, size, diff_id)


def _with_folders(entries: Iterable[str]) -> list[str]:
    """Return all paths with the folders above them: a folder before what is in it."""
    paths: set[str] = set()
    for path in entries:
        parts = path.split("/")
        paths.update("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return sorted(paths)


def _add(archive: tarfile.TarFile, path: str, entry: Entry | None) -> None:
    member = tarfile.TarInfo(path)
    if entry is None:
        member.type, member.mode = tarfile.DIRTYPE, 0o1777 if path in {"tmp", "var/tmp"} else _EXECUTABLE
        archive.addfile(member)
    elif entry.link is not None:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.link, 0o777
        archive.addfile(member)
    elif entry.source is None:
        _fill(archive, member, entry, BytesIO(entry.content), len(entry.content))
    else:
        with entry.source.open("rb") as file:
            _fill(archive, member, entry, file, os.fstat(file.fileno()).st_size)


def _fill(archive: tarfile.TarFile, member: tarfile.TarInfo, entry: Entry, file: Any, size: int) -> None:
    member.size, member.mode = size, _EXECUTABLE if entry.executable else _PLAIN
    archive.addfile(member, file)
