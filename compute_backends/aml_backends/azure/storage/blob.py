"""The datastore type ``azure-blob``: a container of Azure Blob Storage, or a folder in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from azure.core import MatchConditions  # noqa: TID253  a leaf: imported with a datastore of this type
from azure.storage.blob import BlobClient, BlobPrefix, BlobProperties, BlobServiceClient, ContainerClient  # noqa: TID253  as above
from pydantic import Field

from aml_backends.azure.storage.blob_signing import DelegationKeys, Wanted, signed
from aml_backends.azure.storage.blob_upload import upload_blob
from aml_backends.azure.storage.credentials import CLIENT_OPTIONS, Account, open_account
from aml_backends.azure.storage.failures import azure_words, missing_is_fine
from aml_backends.azure.storage.settings import AccountConfig
from aml_plugins.datastores.abilities import Permission
from aml_plugins.datastores.client_datastore import ClientDatastore
from aml_plugins.datastores.contract import DatastoreConfig, FileFacts
from aml_plugins.datastores.failures import in_words
from aml_plugins.datastores.paths import check_is_file, relative_path
from aml_plugins.datastores.resuming import fetch_whole
from aml_plugins.errors import InvalidInputError

__all__ = ["BlobConfig", "BlobDatastore"]

SEGMENT = 32 << 20
"""Bytes that are asked for at a time, by several connections; what has come is kept when the next ones do not."""


class BlobConfig(AccountConfig):
    """Settings of a blob container."""

    container: str = Field(
        min_length=1, max_length=63, pattern=r"^[a-z0-9$](?:-?[a-z0-9])*$", description="The container; it must exist."
    )


class BlobDatastore(ClientDatastore[tuple[Account, BlobServiceClient]]):
    """Blobs below one prefix. Any number of processes may use it at a time."""

    type_name = "azure-blob"
    config_model: ClassVar[type[DatastoreConfig]] = BlobConfig
    config: BlobConfig

    def __init__(self, name: str, config: DatastoreConfig) -> None:
        super().__init__(name, config)
        self._delegation_keys = DelegationKeys()

    def send(self, local: Path, path: str, progress: Callable[[int], None]) -> None:
        blob = self._blob(path)
        with self._words(path), in_words(f"'{local}' cannot be stored in the datastore '{self.name}'"):
            check_is_file(local)
            upload_blob(blob, local, progress)

    def receive(self, path: str, local: Path, progress: Callable[[int], None]) -> None:
        blob = self._blob(path)
        with self._words(path), in_words(f"'{path}' cannot be brought from the datastore '{self.name}'"):
            stream = blob.download_blob()  # its first piece and its properties in one answer
            facts, head = _facts(stream.properties), next(iter(stream.chunks()), b"")
            fetch_whole(local, facts, lambda offset: self._read(blob, facts, offset, head), progress)

    def facts(self, path: str) -> FileFacts:
        blob = self._blob(path)
        with self._words(path):
            found = blob.get_blob_properties()
        return _facts(found)

    def exists(self, path: str) -> bool:
        blob = self._blob(path)
        with self._words(path), missing_is_fine():
            blob.get_blob_properties()
            return True
        return False

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        folder = self._key(prefix)
        root = len(f"{self.config.prefix}/") if self.config.prefix else 0
        with self._words(prefix):
            for blob in self._container().list_blobs(
                name_starts_with=f"{folder}/" if folder else None, include="metadata"
            ):
                if (blob.metadata or {}).get("hdi_isfolder") != "true":  # accounts with folders list those, too
                    yield blob.name[root:], blob.size

    def children(self, folder: str = "") -> Iterator[tuple[str, int | None]]:
        key = self._key(folder)
        prefix = f"{key}/" if key else ""
        with self._words(folder):
            for found in self._container().walk_blobs(name_starts_with=prefix or None, delimiter="/"):
                size = None if isinstance(found, BlobPrefix) else found.size
                yield found.name[len(prefix) :].rstrip("/"), size

    def delete(self, path: str) -> None:
        blob = self._blob(path)
        with self._words(path), missing_is_fine():
            blob.delete_blob(delete_snapshots="include")

    def uri(self, path: str) -> str | None:
        return f"{self._open()[0].url}/{quote(self.config.container)}/{quote(self._key(path))}".rstrip("/")

    def signed_url(self, path: str, permission: Permission, expires: timedelta) -> str:
        if not path and self.config.prefix:
            raise InvalidInputError(
                f"The datastore '{self.name}' is a folder of its container: a URL for all of it would reach further.",
                "Sign files one by one, or register the container without a prefix.",
            )
        account, service = self._open()
        with self._words(path):
            wanted = Wanted(self.name, self.config.container, self._key(path), permission, expires)
            return signed(wanted, account, service, self._delegation_keys)

    def check(self) -> str:
        with self._words():
            next(
                iter(self._container().list_blobs(name_starts_with=self.config.prefix or None, results_per_page=1)),
                None,
            )
        return f"{self._place()} answers"

    def _read(self, blob: BlobClient, facts: FileFacts, offset: int, head: bytes) -> Iterator[bytes]:
        """Read on from an offset, as long as the blob is the one that was asked about; ``head`` is there already."""
        if offset < len(head):
            yield head[offset:]
            offset = len(head)
        condition: dict[str, Any] = {"etag": facts.version, "match_condition": MatchConditions.IfNotModified}
        for start in range(offset, facts.size, SEGMENT):
            length = min(SEGMENT, facts.size - start)
            yield blob.download_blob(offset=start, length=length, max_concurrency=4, **condition).readall()

    def _key(self, path: str) -> str:
        if "\\" in path:
            raise InvalidInputError(
                f"'{path}' is no path in a blob container: Azure makes a slash of the backslash.", "Rename the file."
            )
        return "/".join(filter(None, (self.config.prefix, relative_path(path).as_posix() if path else "")))

    def _blob(self, path: str) -> BlobClient:
        if not path:
            raise InvalidInputError(f"The datastore '{self.name}' needs the path of a file, not an empty one.")
        key = self._key(path)
        return self._container().get_blob_client(key)

    def _container(self) -> ContainerClient:
        return self._open()[1].get_container_client(self.config.container)

    def _connect(self) -> tuple[Account, BlobServiceClient]:
        account = open_account(self.name, self.config, self.secrets, "blob")
        with azure_words(self.name, account.url):
            return account, _client(account)

    def _words(self, path: str = "") -> Any:
        return azure_words(self.name, self._place(), path)

    def _place(self) -> str:
        return f"container '{self.config.container}' at {self._open()[0].url}"


def _facts(found: BlobProperties) -> FileFacts:
    return FileFacts(found.size, (found.metadata or {}).get("aml_sha256"), found.etag)


def _client(account: Account) -> BlobServiceClient:
    """Return a client that fetches large ranges by several connections."""
    piece = 8 << 20
    sizes: dict[str, Any] = {"max_single_get_size": piece, "max_chunk_get_size": piece}
    return BlobServiceClient(account.url, credential=account.credential(), **sizes, **CLIENT_OPTIONS)
