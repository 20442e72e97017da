"""What a datastore type must do. Paths are relative, ``/``-separated, and never leave the datastore's root."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from aml_plugins.secrets import REFERENCE, SecretSource
from aml_plugins.secrets.references import from_environment, is_reference

if TYPE_CHECKING:
    from aml_plugins.data_reference import DataReference
    from aml_plugins.datastores.transfer import Transfer

__all__ = ["Datastore", "DatastoreConfig", "FileFacts", "SecretSetting"]


def _reference(value: str) -> str:
    if not REFERENCE.fullmatch(value):
        raise ValueError("must be a reference to a secret, secret://STORE/NAME, not the secret itself")
    return value


SecretSetting = Annotated[str, AfterValidator(_reference)]
"""The type of a setting that is a secret: ``secret://STORE/NAME``, resolved with :meth:`Datastore.secret`."""


class DatastoreConfig(BaseModel):
    """Settings of a datastore; a type subclasses it. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a datastore knows of a file without reading it.

    :param sha256: of its content, hexadecimal; None where the datastore keeps none.
    :param version: changes whenever the file does; None where the datastore has nothing of the kind.
    """

    size: int
    sha256: str | None = None
    version: str | None = None


class Datastore(ABC):
    """A place for files. All methods raise ``NotFoundError`` for a path that is not there.

    What ``put`` and ``get`` bring is there completely or not at all. Errors: ``BackendError`` where the other side
    refuses (a wrong credential), ``TransientBackendError`` where it cannot be reached.
    """

    type_name: ClassVar[str]
    config_model: ClassVar[type[DatastoreConfig]] = DatastoreConfig

    secrets: SecretSource = staticmethod(from_environment)
    """Resolves references; whoever opens a datastore of a workspace sets it to the workspace's secret stores."""

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

    def children(self, folder: str = "") -> Iterator[tuple[str, int | None]]:
        """Yield one level: names, with None for the bytes of a folder; override where that is cheaper than a list."""
        from aml_plugins.datastores.listing import children_from_list  # noqa: PLC0415  they know each other

        return children_from_list(self, folder)

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file; one that is missing is fine."""

    def path(self, path: str = "", data_reference_name: str = "") -> DataReference:
        """Return a path of the datastore as data of a run: ``arguments=["--data", store.path("in").as_download()]``."""
        from aml_plugins.data_reference import DataReference  # noqa: PLC0415  they know each other

        return DataReference(self, data_reference_name, path)

    def local_path(self, path: str) -> Path | None:
        """Return where the file lies on this machine, None where it does not."""
        del path
        return None

    def served_directory(self) -> Path | None:
        """Return the directory of this machine that the datastore gives access to, None where it gives to none.

        A server opens only those that its operator has named.
        """
        return None

    def uri(self, path: str) -> str | None:
        """Return a URI that other tools understand, None where there is none."""
        del path
        return None

    def facts(self, path: str) -> FileFacts:
        """Return what is known of a file; override where the other side can be asked for one file."""
        from aml_plugins.datastores.listing import facts_from_list  # noqa: PLC0415  they know each other

        return facts_from_list(self, path)

    def check(self) -> str:
        """Try the datastore for ``aml doctor`` and return one line about it; raise what is wrong."""
        self.exists("doctor")
        return f"'{self.name}' answers"

    def secret(self, value: str) -> str:
        """Return the value that a setting refers to; hand it to what needs it and keep it nowhere else."""
        return self.secrets(value) if is_reference(value) else value

    def upload(
        self,
        local: str | Path,
        path: str = "",
        *,
        overwrite: bool = True,
        parallel: int = 8,
        progress: Callable[[Transfer], None] | None = None,
    ) -> Transfer:
        """Store a file under ``path``, or a directory's files below it. An interrupted upload goes on.

        Files that are there already, with the same content, are not sent again.

        :param path: for a file: its path, or a folder that ends with ``/``; its own name at the top by default.
        :param overwrite: False refuses, before anything is sent, where a file of another content is in the way.
        :param parallel: files at a time.
        :param progress: called with the state of the transfer, from several threads, never at the same time.
        """
        from aml_plugins.datastores.transfer import upload  # noqa: PLC0415  they know each other

        return upload(self, Path(local), path, overwrite=overwrite, parallel=parallel, progress=progress)

    def download(
        self,
        path: str,
        local: str | Path,
        *,
        parallel: int = 8,
        progress: Callable[[Transfer], None] | None = None,
    ) -> Transfer:
        """Bring a file to ``local``, or the files below a path into that directory. An interrupted download goes on.

        Files that are there already, with the same content, are not brought again.

        :param local: for a file: where it goes, or a directory that exists.
        """
        from aml_plugins.datastores.transfer import download  # noqa: PLC0415  they know each other

        return download(self, path, Path(local), parallel=parallel, progress=progress)
