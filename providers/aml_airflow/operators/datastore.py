"""Bring files of the worker into a datastore, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aml_airflow.airflow_errors import AirflowException
from aml_airflow.assets import datastore_asset
from aml_airflow.assets.events import announce, announcing
from aml_airflow.operators.base import ADDRESS_FIELDS, AmlBaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Workspace
    from aml_plugins.datastores.contract import Datastore
    from aml_plugins.datastores.transfer import Transfer

__all__ = ["AmlDownloadOperator", "AmlUploadOperator"]

_HUNDREDTHS = 10
"""The log has a line each tenth of the way."""


class _TransferOperator(AmlBaseOperator):
    """Moves files; an interrupted transfer goes on in the next try, and what is there already is not moved again."""

    shallow_copy_attrs: Sequence[str] = ("_killed",)

    def __init__(self, *, path: str, local_path: str, datastore: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.local_path = local_path
        self.datastore = datastore
        self._killed = False
        self._told = 0

    def on_kill(self) -> None:
        """Stop before the next piece. What was moved stays, and is not moved again."""
        self._killed = True

    def _chosen(self, workspace: Workspace) -> Datastore:
        return workspace.datastores[self.datastore] if self.datastore else workspace.default_datastore

    def _tell(self, state: Transfer) -> None:
        """Log how far it is; the transfer's threads call it, one at a time."""
        if self._killed:
            raise AirflowException("The task was killed; the next try goes on from here.")
        part = state.bytes_done * _HUNDREDTHS // max(state.bytes, 1)
        if part > self._told:
            self._told = part
            self.log.info(
                "%s of %s files, %s of %s bytes", state.files_done, state.files, state.bytes_done, state.bytes
            )

    def _done(self, transfer: Transfer) -> dict[str, int]:
        return {"files": transfer.files, "bytes": transfer.bytes}


class AmlUploadOperator(_TransferOperator):
    """Store a file or directory of the worker in a datastore; return how many files and bytes it has.

    It is an event of the asset ``aml://WORKSPACE/datastores/NAME/PATH``.

    :param local_path: the file or directory. (templated)
    :param path: where to, in the datastore: for a file its path, or a folder that ends with ``/``. (templated)
    :param datastore: None for the workspace's default one. (templated)
    :param overwrite: False refuses, before anything is sent, where a file of another content is in the way.
    """

    template_fields: Sequence[str] = ("local_path", "path", "datastore", *ADDRESS_FIELDS)

    def __init__(self, *, local_path: str, path: str = "", overwrite: bool = True, **kwargs: Any) -> None:
        super().__init__(local_path=local_path, path=path, **announcing(kwargs))
        self.overwrite = overwrite

    def execute(self, context: Context) -> dict[str, int]:
        """Send what the datastore does not have."""
        with self.opened() as workspace:
            chosen = self._chosen(workspace)
            sent = chosen.upload(self.local_path, self.path, overwrite=self.overwrite, progress=self._tell)
            announce(context, datastore_asset(chosen.name, self.path, workspace=workspace.name), **self._done(sent))
            return self._done(sent)


class AmlDownloadOperator(_TransferOperator):
    """Bring a file or folder of a datastore to the worker; return how many files and bytes it has.

    :param path: the file or folder in the datastore. (templated)
    :param local_path: where to: for a file its path, or a directory that exists. (templated)
    :param datastore: None for the workspace's default one. (templated)
    """

    template_fields: Sequence[str] = ("path", "local_path", "datastore", *ADDRESS_FIELDS)

    def execute(self, context: Context) -> dict[str, int]:
        """Bring what the worker does not have."""
        del context
        with self.opened() as workspace:
            return self._done(self._chosen(workspace).download(self.path, self.local_path, progress=self._tell))
