"""What has a name in a workspace: the four requests that compute targets and datastores share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from aml_plugins.store.records import ComputeTargetRecord, DatastoreRecord
from aml_plugins.store.rest.asking import create, delete, pages
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.records import record_of, records_of, values_of

__all__ = ["Named"]

RecordT = TypeVar("RecordT", ComputeTargetRecord, DatastoreRecord)


class Named(Generic[RecordT]):
    """Things with a workspace and a name.

    :param noun: what they are called in paths.
    """

    def __init__(self, connection: Connection, noun: str, record_type: type[RecordT]) -> None:
        self._connection = connection
        self._noun = noun
        self._type: type[RecordT] = record_type

    def add(self, record: RecordT) -> RecordT:
        path = path_of("workspaces", record.workspace, self._noun)
        return record_of(self._type, create(self._connection, "POST", path, values_of(record, "workspace")))

    def get(self, workspace: str, name: str) -> RecordT:
        return record_of(self._type, self._connection.call("GET", self._path(workspace, name)).value)

    def list(self, workspace: str) -> Sequence[RecordT]:
        return records_of(self._type, pages(self._connection, path_of("workspaces", workspace, self._noun)))

    def remove(self, workspace: str, name: str) -> None:
        delete(self._connection, self._path(workspace, name))

    def _path(self, workspace: str, name: str) -> str:
        return path_of("workspaces", workspace, self._noun, name)
