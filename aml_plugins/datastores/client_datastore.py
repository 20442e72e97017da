"""For datastores behind a client: made when it is first needed; whole files travel as those that can go on do."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from aml_plugins.datastores.contract import Datastore, DatastoreConfig

__all__ = ["ClientDatastore"]

ClientT = TypeVar("ClientT")


class ClientDatastore(Datastore, Generic[ClientT]):
    """A datastore with one client for all threads."""

    def __init__(self, name: str, config: DatastoreConfig) -> None:
        super().__init__(name, config)
        self._lock = threading.Lock()
        self._client: ClientT | None = None

    @abstractmethod
    def send(self, local: Path, path: str, progress: Callable[[int], None]) -> None:
        """See :class:`~aml_plugins.datastores.abilities.SupportsProgress`."""

    @abstractmethod
    def receive(self, path: str, local: Path, progress: Callable[[int], None]) -> None:
        """See :class:`~aml_plugins.datastores.abilities.SupportsProgress`."""

    @abstractmethod
    def _connect(self) -> ClientT:
        """Make the client; called once, by whoever needs it first."""

    def put(self, local: Path, path: str, *, immutable: bool = False) -> None:
        del immutable  # nothing is linked over a network
        self.send(local, path, lambda _bytes: None)

    def get(self, path: str, local: Path) -> None:
        self.receive(path, local, lambda _bytes: None)

    def _open(self) -> ClientT:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client
