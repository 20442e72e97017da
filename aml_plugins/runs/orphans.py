"""Jobs on compute targets that nobody waits for any more: what a deleted database or a lost clean-up left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aml_plugins.compute.abilities import SupportsListing
from aml_plugins.compute.job import JobHandle
from aml_plugins.runs.states import RunState

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["Orphan", "find_orphans"]

KEY = re.compile(r"aml-(?P<run_id>[0-9a-f]{32})-(?P<attempt>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A job that can be deleted, and why."""

    target: str
    handle: JobHandle
    reason: str


def find_orphans(context: Context, workspace: str, target: str) -> Sequence[Orphan] | None:
    """Return the jobs of a target that no run of this store needs; None where the target cannot list its jobs.

    A run is written down before anything is sent out, so a job without a run is never one that is just beginning. A
    target that several stores share shows the jobs of the others, too: nobody here knows them.
    """
    backend = context.backends.get(workspace, target)
    if not isinstance(backend, SupportsListing):
        return None
    handles = list(backend.list_jobs())
    runs = context.store.runs.get_many([key["run_id"] for handle in handles if (key := KEY.fullmatch(handle.job_id))])
    return list(_orphans(target, handles, runs))


def _orphans(target: str, handles: Sequence[JobHandle], runs: Mapping[str, RunRecord]) -> Iterator[Orphan]:
    for handle in handles:
        reason = _reason(handle, runs)
        if reason is not None:
            yield Orphan(target=target, handle=handle, reason=reason)


def _reason(handle: JobHandle, runs: Mapping[str, RunRecord]) -> str | None:
    key = KEY.fullmatch(handle.job_id)
    run = runs.get(key["run_id"]) if key else None
    if key is None or run is None:
        return "no run of this store knows it"
    if RunState(run.state).is_terminal:
        return f"its run ended as {run.state}"
    if int(key["attempt"]) < run.attempt:
        return f"its run is at attempt {run.attempt}"
    return None
