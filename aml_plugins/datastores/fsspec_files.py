"""The datastore type ``fsspec``: anything that fsspec opens by a URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

import fsspec
from pydantic import Field, field_validator

from aml_plugins.datastores.client_datastore import ClientDatastore
from aml_plugins.datastores.contract import DatastoreConfig, FileFacts, SecretSetting
from aml_plugins.datastores.fsspec_failures import fsspec_words
from aml_plugins.datastores.listing import no_such_file
from aml_plugins.datastores.paths import check_is_file, relative_path
from aml_plugins.datastores.resuming import BLOCK, fetch_whole
from aml_plugins.datastores.whole_files import PART_PREFIX
from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.plugins.settings import NAMED_VALUES

__all__ = ["FsspecConfig", "FsspecDatastore"]

_RENAMES = frozenset({"file", "local", "ftp", "sftp", "ssh", "hdfs", "smb"})
"""File systems that show a file while it is written; the others show an object when it is complete."""

_LOCAL = frozenset({"file", "local", "dir", "reference", "simplecache", "filecache", "blockcache", "cached", "data"})
"""What reads or writes this machine's own disk, or may lead to it."""


class FsspecConfig(DatastoreConfig):
    """Settings of a file system of fsspec."""

    url: str = Field(description="Where the files lie: PROTOCOL://…, such as s3://bucket/folder or memory://name.")
    options: Annotated[dict[str, str | int | float | bool], NAMED_VALUES] = Field(
        default_factory=dict, description="The file system's own arguments, such as endpoint_url. No secrets."
    )
    secret_options: Annotated[dict[str, SecretSetting], NAMED_VALUES] = Field(
        default_factory=dict, description="Arguments that are secrets, each as secret://STORE/NAME."
    )

    @field_validator("url")
    @classmethod
    def _without_password(cls, value: str) -> str:
        """Refuse what is no URL, and one with a password in it: settings are shown to everybody."""
        parts = urlsplit(value)
        if not parts.scheme:
            raise ValueError("must begin with a protocol, such as s3:// or file://")
        if parts.password is not None:
            raise ValueError("has a password in it; give it in secret_options, by reference")
        return value.rstrip("/") if len(value) > len(parts.scheme) + 3 else value


class FsspecDatastore(ClientDatastore[tuple[Any, str]]):
    """Files below one URL. A transfer goes on file by file; within a file, downloads do."""

    type_name = "fsspec"
    config_model: ClassVar[type[DatastoreConfig]] = FsspecConfig
    config: FsspecConfig

    def send(self, local: Path, path: str, progress: Callable[[int], None]) -> None:
        target = self._place(path, file=True)
        check_is_file(local)
        with self._words(path):
            files, _ = self._open()
            parent = target.rpartition("/")[0]
            with suppress(FileExistsError):
                files.makedirs(parent, exist_ok=True)
            if _RENAMES.isdisjoint(_protocols(files)):
                files.put_file(str(local), target)
            else:
                self._put_and_rename(local, target)
            files.invalidate_cache(parent)
        progress(local.stat().st_size)

    def receive(self, path: str, local: Path, progress: Callable[[int], None]) -> None:
        facts = self.facts(path)
        with self._words(path):
            fetch_whole(local, facts, lambda offset: self._read(path, offset), progress)

    def facts(self, path: str) -> FileFacts:
        place = self._place(path, file=True)
        with self._words(path):
            files, _ = self._open()
            files.invalidate_cache(place.rpartition("/")[0])
            found = files.info(place)
            if found.get("type") != "file":
                raise no_such_file(self, path)
            return FileFacts(int(found.get("size") or 0), None, _version(files, place, found))

    def exists(self, path: str) -> bool:
        try:
            self.facts(path)
        except NotFoundError:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        place = self._place(prefix)
        with self._words(prefix):
            files, root = self._open()
            files.invalidate_cache()
            try:
                found = files.find(place, detail=True) if files.isdir(place) else {}
            except FileNotFoundError:
                found = {}
        cut = len(f"{root}/") if root else 0
        shown = ((name[cut:], int(info.get("size") or 0)) for name, info in found.items())
        yield from sorted(pair for pair in shown if not pair[0].rpartition("/")[2].startswith(PART_PREFIX))

    def delete(self, path: str) -> None:
        place = self._place(path, file=True)
        with self._words(path), suppress(FileNotFoundError):
            files, _ = self._open()
            if files.isfile(place):
                files.rm_file(place)
            files.invalidate_cache(place.rpartition("/")[0])

    def served_directory(self) -> Path | None:
        scheme = urlsplit(self.config.url).scheme.partition("::")[0]
        return Path(self._open()[1] or "/") if scheme in _LOCAL or "::" in self.config.url else None

    def uri(self, path: str) -> str | None:
        place = self._place(path)
        with self._words(path):
            return str(self._open()[0].unstrip_protocol(place))

    def check(self) -> str:
        with self._words():
            files, root = self._open()
            with suppress(FileNotFoundError):
                files.ls(root)
        return f"{self.config.url} answers"

    def _put_and_rename(self, local: Path, target: str) -> None:
        files, _ = self._open()
        part = f"{target.rpartition('/')[0]}/{PART_PREFIX}{uuid4().hex}"
        try:
            files.put_file(str(local), part)
            files.mv(part, target)
        except BaseException:
            with suppress(OSError):
                files.rm_file(part)
            raise

    def _read(self, path: str, offset: int) -> Iterator[bytes]:
        with self._open()[0].open(self._place(path), "rb") as file:
            file.seek(offset)
            yield from iter(lambda: file.read(BLOCK), b"")

    def _place(self, path: str, *, file: bool = False) -> str:
        if file and not path:
            raise InvalidInputError(f"The datastore '{self.name}' needs the path of a file, not an empty one.")
        checked = relative_path(path).as_posix() if path else ""
        root = self._open()[1]
        return f"{root}/{checked}" if checked else root

    def _connect(self) -> tuple[Any, str]:
        with self._words():
            secret = {name: self.secret(value) for name, value in self.config.secret_options.items()}
            files, root = fsspec.core.url_to_fs(self.config.url, **self.config.options, **secret)
            return files, str(root).rstrip("/")

    def _words(self, path: str = "") -> AbstractContextManager[None]:
        return fsspec_words(self, self.config.url, path)


def _protocols(files: Any) -> set[str]:
    named = files.protocol
    return {named} if isinstance(named, str) else set(named)


def _version(files: Any, place: str, found: dict[str, Any]) -> str | None:
    """Return what changes with the file: its tag or time, None where the file system knows neither."""
    for key in ("ETag", "etag", "mtime", "last_modified", "LastModified", "created"):
        if found.get(key) is not None:
            return f"{found[key]}"
    with suppress(NotImplementedError):
        return f"{files.modified(place)}"
    return None
