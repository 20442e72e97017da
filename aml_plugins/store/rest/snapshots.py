"""Stored snapshots."""

from __future__ import annotations

from collections.abc import Sequence

from aml_plugins.errors import NotFoundError
from aml_plugins.store.records import SnapshotRecord
from aml_plugins.store.rest.asking import pages
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.records import record_of, records_of, values_of

__all__ = ["RestSnapshots"]


class RestSnapshots:
    """Implements :class:`aml_plugins.store.interface.Snapshots`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, record: SnapshotRecord) -> SnapshotRecord:
        path, body = _path(record.workspace, record.digest), values_of(record, "workspace", "digest")
        return record_of(SnapshotRecord, self._connection.call("PUT", path, body=body).value)

    def find(self, workspace: str, digest: str) -> SnapshotRecord | None:
        try:
            return record_of(SnapshotRecord, self._connection.call("GET", _path(workspace, digest)).value)
        except NotFoundError:
            return None

    def unreferenced(self, workspace: str | None = None) -> Sequence[SnapshotRecord]:
        path = path_of("snapshots", "unreferenced")
        return records_of(SnapshotRecord, pages(self._connection, path, {"workspace": workspace}))

    def remove(self, workspace: str, digest: str) -> bool:
        answer = self._connection.call("DELETE", _path(workspace, digest))
        # A lost try of ours may have been the one that removed it.
        return bool(answer.value["removed"]) or (answer.again and self.find(workspace, digest) is None)


def _path(workspace: str, digest: str) -> str:
    return path_of("workspaces", workspace, "snapshots", digest)
