"""Several changes of runs in one transaction: a statement a table, however many runs there are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, update

from aml_plugins.errors import LeaseLostError
from aml_plugins.runs.states import RunState
from aml_plugins.store.copies import changed
from aml_plugins.store.records import RunChange, RunRecord
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.prepared import Prepared
from aml_plugins.store.sql.run_tasks import move_tasks

__all__ = ["BESIDE", "by_run", "is_active", "write_changes"]

_T = tables.runs
BESIDE = ("cancel_requested_at", "released_at", "lease_owner", "lease_until")
"""What others write without the lease, so that a driver never does."""
_LOCK = Prepared(
    select(_T.c.run_id, _T.c.state, _T.c.version, *(_T.c[name] for name in BESIDE))
    .where(_T.c.run_id.in_(bindparam("ids", expanding=True)))
    .order_by(_T.c.run_id)
    .with_for_update()
)
_WRITTEN = (
    *("state", "attempt", "handle", "cursors", "native_state", "reason", "error_code", "exit_code", "outcome"),
    *("started_at", "ended_at", "updated_at", "version"),
)
"""What a driver writes. The rest is as it was submitted; most of that is long, or in an index."""
_SAVE = Prepared(update(_T).where(_T.c.run_id == bindparam("key")))
_FREE_SLOT = Prepared(delete(tables.slots).where(tables.slots.c.run_id == bindparam("key")))


class _Row(NamedTuple):
    """What a run's row says before it is written."""

    run_id: str
    state: str
    version: int
    cancel_requested_at: float | None
    released_at: float | None
    lease_owner: str | None
    lease_until: float | None


def write_changes(
    connection: Connection, changes: Sequence[RunChange], owner: str
) -> tuple[dict[str, RunRecord], dict[str, LeaseLostError]]:
    """Write what ``owner`` may write; return the runs as stored, and why the others are not."""
    groups = by_run(changes)
    rows = {row[0]: _Row(*row) for row in _LOCK.rows(connection, {"ids": list(groups)})}
    lost = {run_id: error for run_id, group in groups.items() if (error := _lost(rows.get(run_id), group, owner))}
    kept = {run_id: group for run_id, group in groups.items() if run_id not in lost}
    if not kept:
        return {}, lost
    now = time.time()
    stored = {run_id: _stored(group, rows[run_id], now) for run_id, group in kept.items()}
    _save(connection, [(run, rows[run_id].state) for run_id, run in stored.items()])
    free = [{"key": run_id} for run_id, group in kept.items() if _frees_slot(group)]
    if free:
        _FREE_SLOT.many(connection, free)
    move_tasks(connection, [(rows[run_id].state, kept[run_id], run) for run_id, run in stored.items()])
    return stored, lost


def by_run(changes: Iterable[RunChange]) -> Mapping[str, Sequence[RunChange]]:
    """Return the changes of each run, in their order."""
    groups: dict[str, list[RunChange]] = {}
    for change in changes:
        groups.setdefault(change.run.run_id, []).append(change)
    return groups


def is_active(state: str) -> bool:
    """Say whether a run in this state has not ended."""
    return not RunState(state).is_terminal


def _lost(row: _Row | None, group: Sequence[RunChange], owner: str) -> LeaseLostError | None:
    run_id = group[0].run.run_id
    if row is None:
        return LeaseLostError(f"Run {run_id!r} is not there any more.", "Read it again.")
    if row.lease_owner != owner:
        return LeaseLostError(f"Run {run_id!r} is driven by {row.lease_owner or 'nobody'}.", "Acquire it again.")
    if [change.run.version for change in group] != [row.version + step for step in range(len(group))]:
        return LeaseLostError(f"Run {run_id!r} was written since it was read.", "Read it again.")
    return None


def _stored(group: Sequence[RunChange], row: _Row, now: float) -> RunRecord:
    # What was written beside us comes back with the record: a driver learns of a cancellation by saving.
    beside = {name: getattr(row, name) for name in BESIDE}
    return changed(group[-1].run, version=row.version + len(group), updated_at=now, **beside)


def _save(connection: Connection, runs: Sequence[tuple[RunRecord, str]]) -> None:
    """Write runs, each with the state that its row has, in one statement.

    Whether they are active only where that changes: it is in an index, of which SQLite writes a page for each run.
    """
    ends = any(is_active(run.state) is not is_active(before) for run, before in runs)
    _SAVE.many(connection, [_values(run) | ({"active": is_active(run.state)} if ends else {}) for run, _ in runs])


def _values(run: RunRecord) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _WRITTEN} | {"key": run.run_id}


def _frees_slot(group: Sequence[RunChange]) -> bool:
    return any(change.frees_slot for change in group) or not is_active(group[-1].run.state)
