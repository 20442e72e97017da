"""Logs of running runs, on their way to the server."""

from __future__ import annotations

import base64

from aml_plugins.json_types import JsonValue
from aml_plugins.store.records import RunRecord
from aml_plugins.store.rest.connection import Connection, path_of

__all__ = ["RestRunLogs"]


class RestRunLogs:
    """Implements :class:`aml_plugins.runs.log_relay.RunLogs`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, run: RunRecord, owner: str, offset: int, data: bytes, *, generation: int = 0) -> int:
        path = path_of("workspaces", run.workspace, "runs", run.run_id, "log")
        body: dict[str, JsonValue] = {
            "owner": owner,
            "attempt": run.attempt,
            "offset": offset,
            "data": base64.b64encode(data).decode(),
        }
        if generation:  # a server that knows no such thing refuses it
            body["generation"] = generation
        size: int = self._connection.call("POST", path, body=body).value["size"]
        return size
