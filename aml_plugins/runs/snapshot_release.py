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

    A submission names its snapshot before it stores it, so whatever is unreferenced is not on its way. One that comes
    back in the same moment is staged from its submitter's cache.
    """
    gone = []
    for record in context.store.snapshots.unreferenced(workspace):
        if context.store.snapshots.remove(record.workspace, record.digest):
            open_datastore(context, record.workspace, record.datastore).delete(record.path)
            gone.append(record)
    return gone
