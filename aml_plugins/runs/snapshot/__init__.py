"""The snapshot: the source directory as it was at submission, as a zip named by its content."""

from __future__ import annotations

from aml_plugins.runs.snapshot.digest import content_digest
from aml_plugins.runs.snapshot.ignoring import stays_at_home
from aml_plugins.runs.snapshot.taking import take_snapshot
from aml_plugins.runs.snapshot.values import Snapshot, SnapshotLimits

__all__ = ["Snapshot", "SnapshotLimits", "content_digest", "stays_at_home", "take_snapshot"]
