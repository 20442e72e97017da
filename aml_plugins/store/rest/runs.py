"""How runs execute."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aml_plugins.errors import NotFoundError
from aml_plugins.store.page_tokens import token_of
from aml_plugins.store.records import RunChange, RunRecord
from aml_plugins.store.rest.asking import create, pages, slices
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.records import record_of, records_of, values_of
from aml_plugins.store.rest.run_leases import RunLeases

__all__ = ["RestRuns"]

_BESIDE = ("workspace", "version", "updated_at", "cancel_requested_at", "released_at")
"""What a driver does not write."""


class RestRuns(RunLeases):
    """Implements :class:`aml_plugins.store.interface.Runs`; the leases' part is in ``run_leases.py``."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    def add(self, record: RunRecord, message: str = "") -> RunRecord:
        body = values_of(record, *_BESIDE, "lease_until") | {"message": message}
        if record.lease_until is not None:  # in seconds from now: the server's clock may be another
            body["lease_seconds"] = record.lease_until - time.time()
        return record_of(RunRecord, create(self._connection, "POST", _runs(record.workspace), body))

    def get(self, workspace: str, run_id: str) -> RunRecord:
        return record_of(RunRecord, self._connection.call("GET", _run(workspace, run_id)).value)

    def find(self, run_id: str) -> RunRecord | None:
        try:
            return record_of(RunRecord, self._connection.call("GET", path_of("runs", run_id)).value)
        except NotFoundError:
            return None

    def find_by_key(self, workspace: str, idempotency_key: str) -> RunRecord | None:
        found = self._connection.call("GET", _runs(workspace), query={"idempotency_key": idempotency_key}).value
        return record_of(RunRecord, found["items"][0]) if found["items"] else None

    def get_many(self, run_ids: Collection[str]) -> Mapping[str, RunRecord]:
        found: dict[str, RunRecord] = {}
        for ids in slices(run_ids):
            answer = self._connection.call("POST", path_of("runs", "read"), body={"run_ids": ids}).value
            found.update((run.run_id, run) for run in records_of(RunRecord, answer["items"]))
        return found

    def list(
        self,
        workspace: str,
        *,
        states: Collection[str] = (),
        experiment: str | None = None,
        target: str | None = None,
        parent_run_id: str | None = None,
        limit: int = 100,
        before: tuple[float, str] | None = None,
    ) -> Sequence[RunRecord]:
        wanted = {"experiment": experiment, "target": target, "parent_run_id": parent_run_id, "state": list(states)}
        begin = token_of(float(before[0]), before[1]) if before else None
        query = {**wanted, "page_token": begin}
        return records_of(RunRecord, pages(self._connection, _runs(workspace), query, limit))

    def save(self, record: RunRecord, *, owner: str, message: str = "", progress: float | None = None) -> RunRecord:
        left_out = (*_BESIDE, "run_id", "idempotency_key", "created_at", "lease_owner", "lease_until")
        body = values_of(record, *left_out) | {"owner": owner, "message": message, "progress": progress}
        headers = {"If-Match": f'"{record.version}"'}
        answer = self._connection.call("PUT", _run(record.workspace, record.run_id), body=body, headers=headers)
        return record_of(RunRecord, answer.value)

    def save_all(self, changes: Sequence[RunChange], *, owner: str) -> Mapping[str, RunRecord]:
        found: dict[str, RunRecord] = {}
        for some in slices(changes):
            body = {"owner": owner, "changes": [_change(change) for change in some]}
            answer = self._connection.call("POST", path_of("runs", "save"), body=body).value
            found.update((run.run_id, run) for run in records_of(RunRecord, answer["items"]))
        return found

    def cancellations(self, run_ids: Collection[str]) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for ids in slices(run_ids):
            answer = self._connection.call("POST", path_of("runs", "cancellations"), body={"run_ids": ids})
            found.update(answer.value["cancellations"])
        return found

    def request_cancel(self, workspace: str, run_id: str) -> RunRecord:
        path = path_of("workspaces", workspace, "runs", run_id, "cancel")
        return record_of(RunRecord, self._connection.call("POST", path).value)

    def mark_released(self, run_ids: Collection[str], *, released: bool) -> None:
        for ids in slices(run_ids):
            self._connection.call("POST", path_of("runs", "released"), body={"run_ids": ids, "released": released})


def _change(change: RunChange) -> dict[str, Any]:
    beside = ("workspace", "updated_at", "cancel_requested_at", "released_at", "idempotency_key", "created_at")
    values = values_of(change.run, *beside, "lease_owner", "lease_until")
    return {**values, "message": change.message, "progress": change.progress, "frees_slot": change.frees_slot}


def _runs(workspace: str) -> str:
    return path_of("workspaces", workspace, "runs")


def _run(workspace: str, run_id: str) -> str:
    return path_of("workspaces", workspace, "runs", run_id)
