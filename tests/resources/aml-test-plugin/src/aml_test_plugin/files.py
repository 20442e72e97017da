"""The datastore type ``test``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aml_plugins.datastores import Datastore
from aml_plugins.errors import NotFoundError


class TestDatastore(Datastore):
    """Files in memory."""

    type_name = "test"

    def __init__(self, name, config):
        super().__init__(name, config)
        self._files: dict[str, bytes] = {}

    def put(self, local: Path, path: str, *, immutable: bool = False) -> None:
        self._files[path] = local.read_bytes()

    def get(self, path: str, local: Path) -> None:
        if path not in self._files:
            raise NotFoundError(f"There is no file '{path}'.")
        local.write_bytes(self._files[path])

    def exists(self, path: str) -> bool:
        return path in self._files

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        return iter(sorted((path, len(content)) for path, content in self._files.items() if path.startswith(prefix)))

    def delete(self, path: str) -> None:
        self._files.pop(path, None)
