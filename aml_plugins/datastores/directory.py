"""A datastore that is a directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from aml_plugins.datastores.contract import Datastore, DatastoreConfig, FileFacts
from aml_plugins.datastores.failures import in_words
from aml_plugins.datastores.paths import check_is_file, inside, relative_path
from aml_plugins.datastores.resuming import BLOCK, fetch_whole, sha256_of
from aml_plugins.datastores.whole_files import PART_PREFIX, copy_whole, link_whole
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.plugins.settings import AbsolutePath

__all__ = ["DirectoryConfig", "DirectoryDatastore"]


class DirectoryConfig(DatastoreConfig):
    """Settings of a directory datastore.

    :param path: an absolute path; ``~`` is the home directory. Made when the first file is stored.
    """

    path: AbsolutePath


class DirectoryDatastore(Datastore):
    """Files below one directory. Any number of processes may use it at a time."""

    type_name = "directory"
    config_model: ClassVar[type[DatastoreConfig]] = DirectoryConfig
    config: DirectoryConfig

    @property
    def root(self) -> Path:
        """Where the files lie."""
        return Path(self.config.path)

    def put(self, local: Path, path: str, *, immutable: bool = False) -> None:
        file = self._file(path)
        with in_words(f"The datastore '{self.name}' cannot store '{path}'"):
            check_is_file(local)
            file.parent.mkdir(parents=True, exist_ok=True)
            if not (immutable and link_whole(local, file)):
                copy_whole(local, file)

    def get(self, path: str, local: Path) -> None:
        file = self._existing(path)
        with in_words(f"'{path}' cannot be brought from the datastore '{self.name}'"):
            local.parent.mkdir(parents=True, exist_ok=True)
            copy_whole(file, local)

    def send(self, local: Path, path: str, progress: Callable[[int], None]) -> None:
        file = self._file(path)
        with in_words(f"The datastore '{self.name}' cannot store '{path}'"):
            check_is_file(local)
            _copy_on(local, file, progress)

    def receive(self, path: str, local: Path, progress: Callable[[int], None]) -> None:
        file = self._existing(path)
        with in_words(f"'{path}' cannot be brought from the datastore '{self.name}'"):
            _copy_on(file, local, progress)

    def facts(self, path: str) -> FileFacts:
        file = self._existing(path)
        with in_words(f"The datastore '{self.name}' cannot be read"):
            return FileFacts(file.stat().st_size, sha256_of(file), _version(file))

    def exists(self, path: str) -> bool:
        with in_words(f"The datastore '{self.name}' cannot be read"):
            return inside(self.root, path).is_file()

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        folder = inside(self.root, prefix)
        with in_words(f"The datastore '{self.name}' cannot be listed"):
            found = sorted(self._walk(folder, f"{prefix}/" if prefix else ""))
        return iter(found)

    def children(self, folder: str = "") -> Iterator[tuple[str, int | None]]:
        place = inside(self.root, folder)
        with in_words(f"The datastore '{self.name}' cannot be listed"):
            if not place.is_dir():
                return
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        yield entry.name, None
                    elif entry.is_file(follow_symlinks=False) and not entry.name.startswith(PART_PREFIX):
                        yield entry.name, entry.stat(follow_symlinks=False).st_size

    def delete(self, path: str) -> None:
        file = self._file(path)
        with in_words(f"The datastore '{self.name}' cannot delete '{path}'"):
            file.unlink(missing_ok=True)

    def local_path(self, path: str) -> Path | None:
        return inside(self.root, path)

    def served_directory(self) -> Path | None:
        return self.root

    def uri(self, path: str) -> str | None:
        return f"file://{quote(str(self.root / relative_path(path)))}"

    def _file(self, path: str) -> Path:
        if not path:
            raise InvalidInputError(f"The datastore '{self.name}' needs the path of a file, not an empty one.")
        return inside(self.root, path)

    def _existing(self, path: str) -> Path:
        file = self._file(path)
        with in_words(f"The datastore '{self.name}' cannot be read"):
            if not file.is_file():
                raise NotFoundError(f"There is no file '{path}' in the datastore '{self.name}'.")
        return file

    def _walk(self, folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield files below; links are not followed, and files that are being written are not there yet."""
        if not folder.is_dir():
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(Path(entry.path), f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False) and not entry.name.startswith(PART_PREFIX):
                    yield f"{prefix}{entry.name}", entry.stat(follow_symlinks=False).st_size


def _copy_on(source: Path, destination: Path, progress: Callable[[int], None]) -> None:
    """Copy; where an earlier try of the same file stopped half-way, from there on."""

    def read(offset: int) -> Iterator[bytes]:
        with source.open("rb") as file:
            file.seek(offset)
            yield from iter(lambda: file.read(BLOCK), b"")

    fetch_whole(destination, FileFacts(source.stat().st_size, None, _version(source)), read, progress)


def _version(file: Path) -> str:
    found = file.stat()
    return f"{found.st_mtime_ns}-{found.st_ino}"
