"""Runs written as their driver leaves them, one or many at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from aml_plugins.runs.states import RunState
from aml_plugins.server.access import Action
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.runs import ChangedRun, RunList, SavedRuns
from aml_plugins.server.serving import server_of
from aml_plugins.store.records import RunChange, RunRecord

__all__ = ["is_written", "router"]

router = APIRouter(route_class=GuardedRoute, tags=["driving runs"])

_NOT_THE_RUNS = {"run_id", "version", "message", "progress", "frees_slot", "user"}


@router.post("/runs/save", response_model=RunList)
def save_runs(request: Request, body: SavedRuns) -> Response:
    """Write runs as their driver, in one transaction; `owner` holds their leases.

    Several changes of one run are written in their order, each with the version after the last; a new state or a
    message is an event of the run's task. A run whose lease is lost, or that was written since it was read, is left
    out of the answer, and nothing of it is written. The same request sent twice writes once.
    """
    runs = server_of(request).store.runs
    known = _mine(request, runs.get_many({change.run_id for change in body.changes}).values())
    changes = [_change(known[change.run_id], change) for change in body.changes if change.run_id in known]
    stored = dict(runs.save_all(changes, owner=body.owner))
    last = {change.run.run_id: change.run for change in changes}
    earlier = runs.get_many(last.keys() - stored.keys())
    stored.update((run_id, run) for run_id, run in earlier.items() if is_written(run, last[run_id], body.owner))
    return json_reply({"items": list(stored.values())})


def is_written(stored: RunRecord, wanted: RunRecord, owner: str) -> bool:
    """Say whether the row is what this very request left, whose answer was lost."""
    beside = ("version", "updated_at", "cancel_requested_at", "released_at", "lease_owner", "lease_until")
    same = replace(stored, **{name: getattr(wanted, name) for name in beside}) == wanted
    return same and stored.version == wanted.version + 1 and stored.lease_owner == owner


def _mine(request: Request, runs: Collection[RunRecord]) -> dict[str, RunRecord]:
    access, who = server_of(request).access, caller(request)
    may = {name: access.may(who, Action.CONTRIBUTE, name) for name in {run.workspace for run in runs}}
    return {run.run_id: run for run in runs if may[run.workspace]}


def _change(known: RunRecord, change: ChangedRun) -> RunChange:
    values = change.model_dump(exclude=_NOT_THE_RUNS)
    words: dict[str, Any] = {
        name: value.value if isinstance(value, RunState) else value for name, value in values.items()
    }
    return RunChange(
        run=replace(known, version=change.version, **words),
        message=change.message,
        progress=change.progress,
        frees_slot=change.frees_slot,
    )
