"""The part of Azure Container Registry Tasks that the builder uses, in plain JSON values.

A build is a *task run*: a resource with a name of ours, so that asking for it twice is asking for it once. A run that
is scheduled without one (``scheduleRun``) has a name that only its answer tells, and answers get lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aml_backends.azure.container_registry import AcrRegistry
from aml_backends.azure.resources import client_options, first_line, in_words
from aml_plugins.errors import BackendError, MissingExtraError
from aml_plugins.images.registry.patience import again

__all__ = ["AcrTasks"]

T = TypeVar("T")
_BLOCK = 4 << 20
_GONE = "ResourceNotFound"


class AcrTasks:
    """The tasks of one registry; each call is tried again where Azure was busy.

    :param registry: with ``subscription`` and ``resource_group`` in its settings.
    :raises MissingExtraError: where Microsoft's client is not installed.
    """

    def __init__(self, registry: AcrRegistry) -> None:
        try:
            from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient
        except ImportError:
            raise MissingExtraError("The builder 'acr-tasks'", "azure") from None
        config = registry.config
        options = {**client_options(config.endpoint, None), "credential": registry.credential()}
        self._client = ContainerRegistryTasksMgmtClient(subscription_id=str(config.subscription), **options)
        self._place = str(config.resource_group), config.registry_name
        self._what = f"the registry '{config.registry_name}'"

    def upload(self, archive: Path) -> str:
        """Send a build's files; return where the registry finds them."""
        given = self._asked(lambda: self._client.registries.get_build_source_upload_url(*self._place))
        if not given or not given.get("uploadUrl") or not given.get("relativePath"):
            raise BackendError(f"{self._what[0].upper()}{self._what[1:]} takes no files.", "Try again later.")
        with self._blob(str(given["uploadUrl"])) as blob:
            self._asked(lambda: self._sent(blob, archive))
        return str(given["relativePath"])

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        """Ask for a run; one that has this name already is that run."""
        body: Any = {"properties": {"runRequest": dict(request)}}
        self._asked(lambda: self._client.task_runs.begin_create(*self._place, name, body, polling=False).result())

    def find(self, name: str) -> Mapping[str, Any] | None:
        """Return a task run's properties, None where there is none."""
        return self._properties(lambda: self._client.task_runs.get(*self._place, name))

    def run(self, run_id: str) -> Mapping[str, Any] | None:
        """Return a run's properties, such as its ``status``."""
        return self._properties(lambda: self._client.runs.get(*self._place, run_id))

    def cancel(self, run_id: str) -> None:
        """Ask a run to end; one that has ended is fine."""
        self._asked(lambda: self._client.runs.cancel(*self._place, run_id))

    def forget(self, name: str) -> None:
        """Delete a task run; its log and what it built stay."""
        self._asked(lambda: self._client.task_runs.delete(*self._place, name))

    def log(self, run_id: str, offset: int) -> bytes:
        """Return what a run's log has after an offset, in bytes; nothing where it has not begun."""
        from azure.core.exceptions import ResourceNotFoundError

        given = self._asked(lambda: self._client.runs.get_log_sas_url(*self._place, run_id))
        if not given or not given.get("logLink"):
            return b""
        with self._blob(str(given["logLink"])) as blob, self._words():
            try:
                size = int(blob.get_blob_properties().size)
                return (
                    bytes(blob.download_blob(offset=offset, length=size - offset).readall()) if size > offset else b""
                )
            except ResourceNotFoundError:
                return b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self._client.close()

    @staticmethod
    def _blob(url: str) -> Any:
        from azure.storage.blob import BlobClient

        return BlobClient.from_blob_url(url, retry_total=0, max_block_size=_BLOCK, max_single_put_size=_BLOCK)

    @staticmethod
    def _sent(blob: Any, archive: Path) -> None:
        with archive.open("rb") as file:
            blob.upload_blob(file, overwrite=True)

    def _properties(self, ask: Callable[[], Any]) -> Mapping[str, Any] | None:
        found = self._asked(ask)
        return None if found is None else dict(found.get("properties") or {})

    def _asked(self, ask: Callable[[], T]) -> T | None:
        """Ask until Azure says something; None where what was asked about is not there."""
        return again(lambda: self._once(ask))

    def _once(self, ask: Callable[[], T]) -> T | None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            with self._words():
                return ask()
        except ResourceNotFoundError as error:
            if getattr(error.error, "code", _GONE) == "ResourceGroupNotFound":
                raise BackendError(
                    f"Azure refuses {self._what}: {first_line(error)}.", "Correct the registry's resource_group."
                ) from None
            return None

    @contextmanager
    def _words(self) -> Iterator[None]:
        with in_words(self._what):
            yield
