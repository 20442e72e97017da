"""Versions of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import NotFoundError
from aml_plugins.store.records import ImageRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database
from aml_plugins.store.sql.leased_rows import LeasedRows

__all__ = ["SqlImages"]

_T = tables.images
_BUILDING = "Building"
_ATTEMPTS = 20


class SqlImages(LeasedRows[ImageRecord]):
    """Implements :class:`aml_plugins.store.interface.Images`."""

    def __init__(self, database: Database) -> None:
        building = _T.c.state == _BUILDING
        super().__init__(database, _T, ImageRecord, key=("workspace", "name", "version"), due=building, word="image")

    def add(self, record: ImageRecord) -> ImageRecord:
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                return self._add(record)
            except IntegrityError:  # another process took the number in this moment
                if not attempts_left:
                    raise
        raise AssertionError("unreachable")

    def get(self, workspace: str, name: str, version: int | None = None) -> ImageRecord:
        statement = self._select.where(_T.c.workspace == workspace, _T.c.name == name)
        if version is not None:
            statement = statement.where(_T.c.version == version)
        found = self._all(statement.order_by(_T.c.version.desc()).limit(1))
        if not found:
            shown = name if version is None else f"{name}:{version}"
            raise NotFoundError(f"There is no image {shown!r} in workspace {workspace!r}.", "Look at: aml image list")
        return found[0]

    def list(self, workspace: str, name: str | None = None) -> Sequence[ImageRecord]:
        statement = self._select.where(_T.c.workspace == workspace)
        if name is not None:
            statement = statement.where(_T.c.name == name)
        return self._all(statement.order_by(_T.c.created_at.desc(), _T.c.name, _T.c.version.desc()))

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ImageRecord]:
        return self._due(owner, workspace)

    def remove(self, workspace: str, name: str, version: int) -> None:
        chosen = (_T.c.workspace == workspace, _T.c.name == name, _T.c.version == version)
        with self._database.writing() as connection:
            gone = connection.execute(delete(_T).where(*chosen)).rowcount
        if not gone:
            self.get(workspace, name, version)  # says that it is not there

    def _add(self, record: ImageRecord) -> ImageRecord:
        highest = select(func.max(_T.c.version)).where(_T.c.workspace == record.workspace, _T.c.name == record.name)
        with self._database.writing() as connection:
            version = (connection.scalar(highest) or 0) + 1
            return self._insert(connection, replace(self._fresh(record), version=version))
