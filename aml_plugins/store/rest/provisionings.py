"""Compute targets that were created."""

from __future__ import annotations

from collections.abc import Sequence

from aml_plugins.errors import NotFoundError
from aml_plugins.json_types import JsonObject
from aml_plugins.store.records import ComputeTargetRecord, ProvisioningRecord
from aml_plugins.store.rest.asking import pages
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.leased import Leased
from aml_plugins.store.rest.records import record_of, records_of

__all__ = ["RestProvisionings"]


class RestProvisionings(Leased[ProvisioningRecord]):
    """Implements :class:`aml_plugins.store.provisionings.Provisionings`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, ProvisioningRecord, identity=("operation_id",))

    def add(self, record: ProvisioningRecord, target: ComputeTargetRecord) -> ProvisioningRecord:
        left_out = () if record.maker else ("maker",)  # a server that knows no makers takes it, too
        return self._add(_all(record.workspace), record, *left_out, config=target.config)

    def find(self, workspace: str, name: str) -> ProvisioningRecord | None:
        try:
            answer = self._connection.call("GET", path_of("workspaces", workspace, "provisionings", name))
        except NotFoundError:
            return None
        return record_of(ProvisioningRecord, answer.value)

    def list(self, workspace: str) -> Sequence[ProvisioningRecord]:
        return records_of(ProvisioningRecord, pages(self._connection, _all(workspace)))

    def request(self, record: ProvisioningRecord, desired: JsonObject) -> ProvisioningRecord:
        body = {"desired": dict(desired), **self._identified(record)}
        return self._put(f"{self._one(record)}/desired", record, body)

    def save(self, record: ProvisioningRecord, *, owner: str) -> ProvisioningRecord:
        return self._save(record, owner, "desired", "type", "user", "maker")

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ProvisioningRecord]:
        return self._due(path_of("provisionings", "due"), owner, workspace)

    def remove(self, record: ProvisioningRecord, *, owner: str) -> None:
        query = {"owner": owner, **self._identified(record)}
        self._connection.call("DELETE", self._one(record), query=query, gone_is_done=True)

    def _one(self, record: ProvisioningRecord) -> str:
        return path_of("workspaces", record.workspace, "provisionings", record.name)


def _all(workspace: str) -> str:
    return path_of("workspaces", workspace, "provisionings")
