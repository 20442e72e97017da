"""Services."""

from __future__ import annotations

from collections.abc import Sequence

from aml_plugins.json_types import JsonObject
from aml_plugins.store.records import ServiceRecord
from aml_plugins.store.rest.asking import pages
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.leased import Leased
from aml_plugins.store.rest.records import record_of, records_of

__all__ = ["RestServices"]


class RestServices(Leased[ServiceRecord]):
    """Implements :class:`aml_plugins.store.interface.Services`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, ServiceRecord, identity=("service_id",))

    def add(self, record: ServiceRecord) -> ServiceRecord:
        return self._add(_services(record.workspace), record)

    def get(self, workspace: str, name: str) -> ServiceRecord:
        path = path_of("workspaces", workspace, "services", name)
        return record_of(ServiceRecord, self._connection.call("GET", path).value)

    def list(self, workspace: str | None = None) -> Sequence[ServiceRecord]:
        if workspace is None:
            return records_of(ServiceRecord, pages(self._connection, path_of("services")))
        return records_of(ServiceRecord, pages(self._connection, _services(workspace)))

    def request(self, record: ServiceRecord, desired: JsonObject) -> ServiceRecord:
        body = {"desired": dict(desired), **self._identified(record)}
        return self._put(f"{self._one(record)}/desired", record, body)

    def save(self, record: ServiceRecord, *, owner: str) -> ServiceRecord:
        return self._save(record, owner, "desired")

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ServiceRecord]:
        return self._due(path_of("services", "due"), owner, workspace)

    def remove(self, record: ServiceRecord, *, owner: str) -> None:
        query = {"owner": owner, **self._identified(record)}
        self._connection.call("DELETE", self._one(record), query=query, gone_is_done=True)

    def _one(self, record: ServiceRecord) -> str:
        return path_of("workspaces", record.workspace, "services", record.name)


def _services(workspace: str) -> str:
    return path_of("workspaces", workspace, "services")
