"""What images, services and created compute targets share: leases and revisions over HTTP."""

from __future__ import annotations

import time
from abc import abstractmethod
from contextlib import suppress
from typing import Any, Generic, TypeVar

from aml_plugins.errors import LeaseLostError, NotFoundError
from aml_plugins.store.records import ImageRecord, ProvisioningRecord, ServiceRecord
from aml_plugins.store.rest.asking import create
from aml_plugins.store.rest.connection import Connection
from aml_plugins.store.rest.records import record_of, records_of, values_of

__all__ = ["Leased"]

RecordT = TypeVar("RecordT", ImageRecord, ProvisioningRecord, ServiceRecord)

_SERVERS = ("workspace", "updated_at", "revision", "lease_until")
"""What is the server's to say."""


class Leased(Generic[RecordT]):
    """Things with a lease and a revision.

    :param identity: what every request about one thing says of it, beside its path.
    """

    def __init__(self, connection: Connection, record_type: type[RecordT], identity: tuple[str, ...] = ()) -> None:
        self._connection = connection
        self._type: type[RecordT] = record_type
        self._identity = identity

    def acquire(self, record: RecordT, owner: str, seconds: float) -> bool:
        body = {"owner": owner, "seconds": seconds, **self._identified(record)}
        try:
            return bool(self._connection.call("POST", f"{self._one(record)}/acquire", body=body).value["held"])
        except (NotFoundError, LeaseLostError):  # gone, or another of its name is there
            return False

    def release(self, record: RecordT, owner: str) -> None:
        body = {"owner": owner, **self._identified(record)}
        with suppress(NotFoundError, LeaseLostError):  # who drove it to its end lets go of nothing
            self._connection.call("POST", f"{self._one(record)}/release", body=body)

    @abstractmethod
    def _one(self, record: RecordT) -> str:
        """Return the path of one thing."""

    def _identified(self, record: RecordT) -> dict[str, Any]:
        return {name: getattr(record, name) for name in self._identity}

    def _add(self, path: str, record: RecordT, *left_out: str, **added: Any) -> RecordT:
        body = values_of(record, *_SERVERS, *left_out) | added
        if record.lease_until is not None:  # in seconds from now: the server's clock may be another
            body["lease_seconds"] = record.lease_until - time.time()
        return record_of(self._type, create(self._connection, "POST", path, body))

    def _save(self, record: RecordT, owner: str, *left_out: str) -> RecordT:
        body = values_of(record, *_SERVERS, "name", "created_at", "lease_owner", *left_out) | {"owner": owner}
        return self._put(self._one(record), record, body)

    def _put(self, path: str, record: RecordT, body: dict[str, Any]) -> RecordT:
        headers = {"If-Match": f'"{record.revision}"'}
        return record_of(self._type, self._connection.call("PUT", path, body=body, headers=headers).value)

    def _due(self, path: str, owner: str, workspace: str | None) -> list[RecordT]:
        query = {"owner": owner, "workspace": workspace}
        return records_of(self._type, self._connection.call("GET", path, query=query).value["items"])
