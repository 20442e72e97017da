"""Delete snapshots that no run names any more: the runs were deleted in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aml_plugins.datastores.opening import open_datastore

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import SnapshotRecord

__all__ = ["release_snapshots"]


def release_snapshots(context: Context, workspace: str | None = None) -> Sequence[SnapshotRecord]:
    """Delete unreferenced snapshots and return them.

    A submission names its snapshot before it looks for it, so it does not find what goes here; it stores the snapshot
    under a path of its own, which nobody deletes here.
    """
    gone = []
    for record in context.store.snapshots.unreferenced(workspace):
        if context.store.snapshots.remove(record.workspace, record.digest):
            open_datastore(context, record.workspace, record.datastore).delete(record.path)
            gone.append(record)
    return gone
