"""A source tree to write to, a cache, and what a target makes of the zip."""

from __future__ import annotations

import os
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aml_plugins.runs.snapshot import Snapshot, take_snapshot

Picture = dict[str, tuple[str, bytes]]
_opened: list[set[str]] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened and isinstance(arguments[0], str):
        _opened[-1].add(arguments[0])


sys.addaudithook(_watch)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    directory.mkdir()
    return directory


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def take(source: Path, cache: Path) -> Callable[[], Snapshot]:
    return lambda: take_snapshot(source, cache=cache)


@pytest.fixture
def unpack(tmp_path: Path) -> Callable[[Snapshot], Path]:
    def action(snapshot: Snapshot) -> Path:
        target = tmp_path / f"unpacked-{len(list(tmp_path.iterdir()))}"
        unpack_into(snapshot.path, target)
        return target

    return action


@pytest.fixture
def opened() -> Callable[[], object]:
    """Tell which files Python itself opens inside a ``with``."""

    @contextmanager
    def watching() -> Iterator[set[str]]:
        names: set[str] = set()
        _opened.append(names)
        try:
            yield names
        finally:
            _opened.remove(names)

    return watching


@pytest.fixture(scope="session")
def picture_of() -> Callable[[Path], Picture]:
    return picture


@pytest.fixture(scope="session")
def unpack_zip() -> Callable[[Path, Path], None]:
    return unpack_into


def unpack_into(path: Path, target: Path) -> None:
    target.mkdir()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for member in archive.infolist():
            place = target / member.filename
            mode = member.external_attr >> 16
            if stat.S_ISDIR(mode):
                place.mkdir(parents=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(mode):
                place.symlink_to(archive.read(member).decode())
            else:
                place.write_bytes(archive.read(member))
                place.chmod(stat.S_IMODE(mode))


def picture(root: Path) -> Picture:
    """Return each path below with its kind and content."""
    found: Picture = {}
    for directory, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(directory, name)
            key = str(path.relative_to(root))
            if path.is_symlink():
                found[key] = ("link", os.fsencode(path.readlink()))
            elif path.is_dir():
                found[key] = ("directory", b"")
            else:
                found[key] = ("program" if path.stat().st_mode & 0o100 else "file", path.read_bytes())
    return found
