"""A datastore whose files only the server reaches: they go through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from aml_plugins.datastores.contract import Datastore, DatastoreConfig
from aml_plugins.datastores.failures import in_words
from aml_plugins.datastores.paths import check_is_file, relative_path
from aml_plugins.mlflow_rest.files import fetch, send
from aml_plugins.store.rest.asking import pages
from aml_plugins.store.rest.connection import path_of

if TYPE_CHECKING:
    from aml_plugins.store.rest.connection import Connection

__all__ = ["ServerDatastore"]


class ServerDatastore(Datastore):
    """Files of a datastore of the server's machine. Made for stores behind a server; nobody registers one."""

    type_name = "server"

    def __init__(self, name: str, connection: Connection, workspace: str) -> None:
        super().__init__(name, DatastoreConfig())
        self._connection = connection
        self._base = path_of("workspaces", workspace, "datastores", name)

    def put(self, local: Path, path: str, *, immutable: bool = False) -> None:
        del immutable
        with in_words(f"'{local}' cannot be read"):
            check_is_file(local)
            send(self._connection, self._file("files", path), local)

    def get(self, path: str, local: Path) -> None:
        with in_words(f"'{path}' cannot be brought from the datastore '{self.name}'"):
            fetch(self._connection, self._file("files", path), local)

    def exists(self, path: str) -> bool:
        return bool(self._connection.call("GET", self._file("file-states", path)).value["exists"])

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        found = pages(self._connection, f"{self._base}/files", {"prefix": prefix})
        return iter([(item["path"], item["size"]) for item in found])

    def delete(self, path: str) -> None:
        self._connection.call("DELETE", self._file("files", path))

    def _file(self, what: str, path: str) -> str:
        return f"{self._base}/{what}/{quote(relative_path(path).as_posix())}"
