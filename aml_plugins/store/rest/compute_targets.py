"""Attached compute targets and their slots."""

from __future__ import annotations

from aml_plugins.store.records import ComputeTargetRecord
from aml_plugins.store.rest.asking import delete
from aml_plugins.store.rest.connection import Connection, path_of
from aml_plugins.store.rest.named import Named
from aml_plugins.store.rest.records import record_of

__all__ = ["RestComputeTargets"]

LOCAL = "local"


class RestComputeTargets(Named[ComputeTargetRecord]):
    """Implements :class:`aml_plugins.store.interface.ComputeTargets`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, "compute-targets", ComputeTargetRecord)

    def add(self, record: ComputeTargetRecord) -> ComputeTargetRecord:
        if (record.name, record.type, dict(record.config)) != (LOCAL, LOCAL, {}):
            return super().add(record)
        # Whoever may submit may do this: the first run on one's own machine writes the target down.
        path = path_of("workspaces", record.workspace, "local-compute-target")
        return record_of(ComputeTargetRecord, self._connection.call("POST", path).value)

    def save(self, record: ComputeTargetRecord) -> ComputeTargetRecord:
        body = {"type": record.type, "config": record.config}
        answer = self._connection.call("PUT", self._path(record.workspace, record.name), body=body)
        return record_of(ComputeTargetRecord, answer.value)

    def claim_slot(self, workspace: str, name: str, run_id: str, limit: int) -> bool:
        path = path_of("workspaces", workspace, self._noun, name, "slots", run_id)
        return bool(self._connection.call("PUT", path, body={"limit": limit}).value["claimed"])

    def pass_slot(self, ended: str, waiting: str, limit: int) -> bool:
        del ended, waiting, limit  # the slot is freed with the run and claimed anew: as many requests
        return False

    def release_slot(self, run_id: str) -> None:
        delete(self._connection, path_of("runs", run_id, "slot"))
