"""Logs of running runs, on their way to the server."""

from __future__ import annotations

import base64

from aml_plugins.store.records import RunRecord
from aml_plugins.store.rest.connection import Connection, path_of

__all__ = ["RestRunLogs"]


class RestRunLogs:
    """Implements :class:`aml_plugins.runs.log_relay.RunLogs`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, run: RunRecord, owner: str, offset: int, data: bytes) -> int:
        path = path_of("workspaces", run.workspace, "runs", run.run_id, "log")
        body = {"owner": owner, "attempt": run.attempt, "offset": offset, "data": base64.b64encode(data).decode()}
        size: int = self._connection.call("POST", path, body=body).value["size"]
        return size
