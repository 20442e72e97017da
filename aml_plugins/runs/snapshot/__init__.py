"""The snapshot: the source directory as it was at submission, as a zip named by its content."""

from __future__ import annotations

from aml_plugins.runs.snapshot.digest import content_digest
from aml_plugins.runs.snapshot.taking import take_snapshot
from aml_plugins.runs.snapshot.values import Snapshot, SnapshotLimits

__all__ = ["Snapshot", "SnapshotLimits", "content_digest", "take_snapshot"]
