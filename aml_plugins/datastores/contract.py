"""What a datastore type must do. Paths are relative, ``/``-separated, and never leave the datastore's root."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Datastore", "DatastoreConfig"]


class DatastoreConfig(BaseModel):
    """Settings of a datastore; a type subclasses it. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Datastore(ABC):
    """A place for files. All methods raise ``NotFoundError`` for a path that is not there."""

    type_name: ClassVar[str]
    config_model: ClassVar[type[DatastoreConfig]] = DatastoreConfig

    def __init__(self, name: str, config: DatastoreConfig) -> None:
        """Keep both; no network call here."""
        self.name = name
        self.config = config

    @abstractmethod
    def put(self, local: Path, path: str, *, immutable: bool = False) -> None:
        """Store a file under ``path``, completely or not at all; replaces what is there.

        :param immutable: the caller never writes to ``local`` again: linking it is as good as a copy.
        """

    @abstractmethod
    def get(self, path: str, local: Path) -> None:
        """Bring a file to ``local``, completely or not at all."""

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Say whether a file lies under ``path``."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield ``(path, bytes)`` of the files below ``prefix``, sorted by path."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file; one that is missing is fine."""

    def local_path(self, path: str) -> Path | None:
        """Return where the file lies on this machine, None where it does not."""
        del path
        return None

    def uri(self, path: str) -> str | None:
        """Return a URI that other tools understand, None where there is none."""
        del path
        return None
