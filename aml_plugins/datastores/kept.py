"""A workspace's datastores, kept open for a while: each step of a job asks its datastore something."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aml_plugins.datastores.opening import datastore_records, default_name, open_datastore

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.datastores.contract import Datastore
    from aml_plugins.store.records import DatastoreRecord

__all__ = ["KEPT_SECONDS", "KeptDatastores"]

KEPT_SECONDS = 60.0
"""Secrets are read when a datastore is opened: one that was replaced is in use after a minute."""


@dataclass(frozen=True, slots=True)
class _Kept:
    datastore: Datastore
    record: DatastoreRecord | None
    process: int
    until: float

    def is_good(self, record: DatastoreRecord | None) -> bool:
        """A fork has no part in the connections of its parent."""
        return self.record == record and self.process == os.getpid() and time.monotonic() < self.until


class KeptDatastores:
    """Opens datastores by name. One whose settings were changed is opened anew, and so is another default one."""

    def __init__(self, context: Context, workspace: str) -> None:
        self._context = context
        self._workspace = workspace
        self._kept: dict[str, _Kept] = {}

    def open(self, name: str) -> Datastore:
        """Return a datastore of the workspace; the empty name is the default one.

        :raises NotFoundError: with the names that are there.
        """
        name = name or default_name(self._context, self._workspace)
        record = datastore_records(self._context, self._workspace).get(name)
        kept = self._kept.get(name)
        if kept is None or not kept.is_good(record):
            opened = open_datastore(self._context, self._workspace, name)
            kept = self._kept[name] = _Kept(opened, record, os.getpid(), time.monotonic() + KEPT_SECONDS)
        return kept.datastore
