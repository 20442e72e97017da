"""Versions of images."""

from __future__ import annotations

from collections.abc import Sequence

from aml_plugins.store.records import ImageRecord
from aml_plugins.store.rest.asking import delete, pages
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.leased import Leased
from aml_plugins.store.rest.records import record_of, records_of

__all__ = ["RestImages"]


class RestImages(Leased[ImageRecord]):
    """Implements :class:`aml_plugins.store.interface.Images`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, ImageRecord)

    def add(self, record: ImageRecord) -> ImageRecord:
        return self._add(_images(record.workspace), record, "version")

    def get(self, workspace: str, name: str, version: int | None = None) -> ImageRecord:
        newest = path_of("workspaces", workspace, "images", name)
        path = newest if version is None else _version(workspace, name, version)
        return record_of(ImageRecord, self._connection.call("GET", path).value)

    def list(self, workspace: str, name: str | None = None) -> Sequence[ImageRecord]:
        return records_of(ImageRecord, pages(self._connection, _images(workspace), {"name": name}))

    def save(self, record: ImageRecord, *, owner: str) -> ImageRecord:
        return self._save(record, owner, "version")

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ImageRecord]:
        return self._due(path_of("images", "due"), owner, workspace)

    def remove(self, workspace: str, name: str, version: int) -> None:
        delete(self._connection, _version(workspace, name, version))

    def _one(self, record: ImageRecord) -> str:
        return _version(record.workspace, record.name, record.version)


def _images(workspace: str) -> str:
    return path_of("workspaces", workspace, "images")


def _version(workspace: str, name: str, version: int) -> str:
    return path_of("workspaces", workspace, "images", name, "versions", str(version))
