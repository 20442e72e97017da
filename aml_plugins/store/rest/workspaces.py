"""Settings of workspaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aml_plugins.errors import InvalidInputError, NotFoundError, PreconditionFailedError
from aml_plugins.json_types import JsonObject
from aml_plugins.store.records import WorkspaceRecord
from aml_plugins.store.rest.asking import delete, pages
from aml_plugins.store.rest.connection import Connection, path_of

__all__ = ["RestWorkspaces"]


class RestWorkspaces:
    """Implements :class:`aml_plugins.store.interface.Workspaces`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, record: WorkspaceRecord) -> WorkspaceRecord:
        return self._write(record, {"If-None-Match": "*"})

    def get(self, name: str) -> WorkspaceRecord:
        record = self.find(name)
        if record is None:
            raise NotFoundError(f"There is no workspace {name!r}.", f"Create it with: aml workspace create {name}")
        return record

    def find(self, name: str) -> WorkspaceRecord | None:
        try:
            return _record(self._connection.call("GET", path_of("workspaces", name)).value)
        except NotFoundError:
            return None

    def list(self) -> Sequence[WorkspaceRecord]:
        found = map(_record, pages(self._connection, path_of("workspaces")))
        return [record for record in found if record is not None]

    def save(self, record: WorkspaceRecord) -> WorkspaceRecord:
        return self._write(record, {"If-Match": "*"})

    def save_if_unchanged(self, before: WorkspaceRecord, settings: JsonObject) -> WorkspaceRecord | None:
        answer = self._connection.call("GET", path_of("workspaces", before.name))
        if answer.value["settings"] != before.settings:
            return None
        try:
            return self._write(replace(before, settings=settings), {"If-Match": answer.headers["ETag"]})
        except PreconditionFailedError:
            return None

    def contents(self, name: str) -> Mapping[str, int]:
        found: Mapping[str, int] = self._connection.call("GET", path_of("workspaces", name, "contents")).value[
            "contents"
        ]
        return found

    def empty(self, name: str) -> None:
        raise InvalidInputError(f"The workspace '{name}' is emptied by its server.", "Delete it with force.")

    def remove(self, name: str) -> None:
        delete(self._connection, path_of("workspaces", name, "settings"))

    def _write(self, record: WorkspaceRecord, headers: dict[str, str]) -> WorkspaceRecord:
        path = path_of("workspaces", record.name, "settings")
        answer = self._connection.call("PUT", path, body={"settings": record.settings}, headers=headers)
        stored = _record(answer.value)
        assert stored is not None  # noqa: S101  the server has just written it
        return stored


def _record(value: dict[str, Any]) -> WorkspaceRecord | None:
    if value["settings"] is None:
        return None
    return WorkspaceRecord(name=value["name"], settings=value["settings"], created_at=value["created_at"])
