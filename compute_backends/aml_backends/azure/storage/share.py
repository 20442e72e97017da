"""The datastore type ``azure-file-share``: a share of Azure Files, or a folder in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import quote

from azure.storage.fileshare import (  # noqa: TID253  a leaf: imported with a datastore of this type
    FileSasPermissions,
    ShareClient,
    ShareFileClient,
    ShareServiceClient,
    generate_file_sas,
)
from pydantic import Field

from aml_backends.azure.storage.credentials import CLIENT_OPTIONS, Account, open_account
from aml_backends.azure.storage.failures import azure_words, missing_is_fine
from aml_backends.azure.storage.settings import AccountConfig
from aml_backends.azure.storage.share_upload import upload_file
from aml_plugins.datastores.abilities import Permission
from aml_plugins.datastores.client_datastore import ClientDatastore
from aml_plugins.datastores.contract import DatastoreConfig, FileFacts
from aml_plugins.datastores.failures import in_words
from aml_plugins.datastores.paths import check_is_file, relative_path
from aml_plugins.datastores.resuming import fetch_whole
from aml_plugins.datastores.whole_files import PART_PREFIX
from aml_plugins.errors import InvalidInputError, StoreError

__all__ = ["ShareConfig", "ShareDatastore"]

SEGMENT = 16 << 20
_FORBIDDEN = re.compile(r'["\\:|<>*?\x00-\x1f]')
CLOCK_SKEW = timedelta(minutes=15)


class ShareConfig(AccountConfig):
    """Settings of a file share."""

    share: str = Field(
        min_length=3, max_length=63, pattern=r"^[a-z0-9](?:-?[a-z0-9])*$", description="The share; it must exist."
    )


class ShareDatastore(ClientDatastore[tuple[Account, ShareServiceClient]]):
    """Files below one folder of a share, by its REST API: nothing is mounted. Names differ in more than their case."""

    type_name = "azure-file-share"
    config_model: ClassVar[type[DatastoreConfig]] = ShareConfig
    config: ShareConfig

    def send(self, local: Path, path: str, progress: Callable[[int], None]) -> None:
        key = self._key(path, file=True)
        with self._words(path), in_words(f"'{local}' cannot be stored in the datastore '{self.name}'"):
            check_is_file(local)
            upload_file(self._share(), key, local, progress)

    def receive(self, path: str, local: Path, progress: Callable[[int], None]) -> None:
        facts = self.facts(path)
        with self._words(path), in_words(f"'{path}' cannot be brought from the datastore '{self.name}'"):
            fetch_whole(local, facts, lambda offset: self._read(path, facts, offset), progress)

    def facts(self, path: str) -> FileFacts:
        file = self._file(path)
        with self._words(path):
            found = file.get_file_properties()
        return FileFacts(found.size, (found.metadata or {}).get("aml_sha256"), found.etag)

    def exists(self, path: str) -> bool:
        file = self._file(path)
        with self._words(path), missing_is_fine():
            file.get_file_properties()
            return True
        return False

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        folder = self._key(prefix)
        with self._words(prefix), missing_is_fine():
            yield from self._walk(folder, f"{prefix}/" if prefix else "")

    def children(self, folder: str = "") -> Iterator[tuple[str, int | None]]:
        key = self._key(folder)
        with self._words(folder), missing_is_fine():
            for entry in self._share().list_directories_and_files(key or None):
                if entry.is_directory or not entry.name.startswith(PART_PREFIX):
                    yield entry.name, None if entry.is_directory else int(entry["size"])

    def delete(self, path: str) -> None:
        file = self._file(path)
        with self._words(path), missing_is_fine():
            file.delete_file()

    def uri(self, path: str) -> str | None:
        return f"{self._open()[0].url}/{self.config.share}/{quote(self._key(path))}".rstrip("/")

    def signed_url(self, path: str, permission: Permission, expires: timedelta) -> str:
        """See ``SupportsSignedUrls``. Plain HTTP clients can read from a share; storing takes more than one request."""
        account = self._open()[0]
        if permission != "read" or not path or account.key is None or expires <= timedelta(0):
            raise InvalidInputError(
                f"The datastore '{self.name}' can sign URLs to read single files, and with an account_key only.",
                "Use an azure-blob datastore for jobs that write or read by URL.",
            )
        now, key = datetime.now(tz=UTC), self._key(path, file=True)
        signature = generate_file_sas(
            account.name,
            self.config.share,
            key.split("/"),
            account_key=account.key,
            permission=FileSasPermissions(read=True),
            start=now - CLOCK_SKEW,
            expiry=now + expires,
        )
        return f"{self.uri(path)}?{signature}"

    def check(self) -> str:
        with self._words(), missing_is_fine():
            next(iter(self._share().list_directories_and_files(self.config.prefix or None)), None)
        return f"{self._place()} answers"

    def _walk(self, folder: str, shown: str) -> Iterator[tuple[str, int]]:
        """Yield files below, sorted by whole paths: a folder counts as its name with the slash that follows it."""
        entries = self._share().list_directories_and_files(folder or None)
        for entry in sorted(entries, key=lambda found: found.name + "/" * found.is_directory):
            if entry.is_directory:
                yield from self._walk(f"{folder}/{entry.name}".lstrip("/"), f"{shown}{entry.name}/")
            elif not entry.name.startswith(PART_PREFIX):
                yield f"{shown}{entry.name}", int(entry["size"])

    def _read(self, path: str, facts: FileFacts, offset: int) -> Iterator[bytes]:
        """Read on from an offset; the service has no condition that would notice a replaced file, so we look."""
        for start in range(offset, facts.size, SEGMENT):
            length = min(SEGMENT, facts.size - start)
            yield self._file(path).download_file(offset=start, length=length, max_concurrency=4).readall()
        if self.facts(path).version != facts.version:
            raise StoreError(f"'{path}' was replaced in the datastore '{self.name}' meanwhile.", "Try again.")

    def _key(self, path: str, *, file: bool = False) -> str:
        if file and not path:
            raise InvalidInputError(f"The datastore '{self.name}' needs the path of a file, not an empty one.")
        checked = relative_path(path).as_posix() if path else ""
        if _FORBIDDEN.search(checked):
            raise InvalidInputError(
                f"'{path}' is no path in a file share.", 'Names there have none of " \\ : | < > * ? and no line ends.'
            )
        return "/".join(filter(None, (self.config.prefix, checked)))

    def _file(self, path: str) -> ShareFileClient:
        key = self._key(path, file=True)
        return self._share().get_file_client(key)

    def _share(self) -> ShareClient:
        return self._open()[1].get_share_client(self.config.share)

    def _connect(self) -> tuple[Account, ShareServiceClient]:
        account = open_account(self.name, self.config, self.secrets, "file")
        with azure_words(self.name, account.url):
            return account, _client(account)

    def _words(self, path: str = "") -> AbstractContextManager[None]:
        return azure_words(self.name, self._place(), path)

    def _place(self) -> str:
        return f"share '{self.config.share}' at {self._open()[0].url}"


def _client(account: Account) -> ShareServiceClient:
    """Return a client; an identity reads and writes as backup software does, by the role of the account."""
    intent: Literal["backup"] | None = None if account.key or account.sas else "backup"
    return ShareServiceClient(
        account.url, credential=account.credential(), token_intent=intent, allow_trailing_dot=True, **CLIENT_OPTIONS
    )
