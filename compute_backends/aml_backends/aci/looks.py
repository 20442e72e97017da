"""How jobs are, by their container groups, and by what their runners sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING

from aml_backends.aci.site import CANCELLED, missing_group
from aml_backends.aci.states import status_of
from aml_plugins.compute import JobState, JobStatus
from aml_plugins.compute.looking import Seen, seen_by
from aml_plugins.compute.staging import STATUS
from aml_plugins.compute.turns import NOT_ASKED, Turns
from aml_plugins.errors import TransientBackendError

if TYPE_CHECKING:
    from aml_backends.aci.site import Site
    from aml_plugins.compute import JobHandle

__all__ = ["Looks"]

FEW = 5
"""So many groups are asked for one by one; with more, one list says which of them are worth a question."""
LOOK_AGAIN_SECONDS = 60.0
"""A container that runs and has sent nothing is looked at again after so long: it may have died without a word."""


class Looks:
    """What one process remembers of its looks at the jobs of a target; a backend keeps one."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turns: Turns[JobStatus] = Turns()

    def status(self, handle: JobHandle) -> JobStatus:
        """Return how one job is.

        :raises JobNotFoundError: where it has no group, and nobody cancelled it.
        """
        group = self._site.api.get_group(handle.job_id)
        staging = self._site.staging(handle.job_id)
        if group is None:
            if staging.is_marked(CANCELLED):
                return JobStatus(state=JobState.CANCELLED, native_state="deleted")
            raise missing_group(handle)
        seen = status_of(group, staging.status)
        if seen.state is JobState.FAILED and staging.is_marked(CANCELLED):
            return JobStatus(
                state=JobState.CANCELLED, native_state=seen.native_state, exit_code=seen.exit_code,
                started_at=seen.started_at, finished_at=seen.finished_at,
            )  # fmt: skip
        return seen

    def statuses(self, handles: Collection[JobHandle]) -> Mapping[JobHandle, Seen]:
        """Two lists, and a question each about those with news, and about a few of the others in turn."""
        if len(handles) <= FEW:
            return {handle: seen_by(partial(self.status, handle)) for handle in handles}
        there = {str(group["name"]) for group in self._site.api.list_groups()}
        files = self._keys_with_files(handles)
        quiet = {one.job_id for one in handles if one.job_id in there and STATUS not in files[one.job_id]}
        resting = quiet - self._turns.take(quiet)
        gone = files.keys() - there - {key for key, names in files.items() if names}
        found: dict[JobHandle, Seen] = {}
        busy: TransientBackendError | None = None
        for handle in handles:
            key = handle.job_id
            if key in gone:
                found[handle] = missing_group(handle)
            elif key in resting:
                found[handle] = self._turns.last(key, NOT_ASKED)
            else:
                found[handle] = busy or self._look_at(handle)
                # Who is told to wait does not go on asking about the others.
                busy = _as_busy(found[handle])
        return found

    def forget(self, key: str) -> None:
        """Forget a job that is gone."""
        self._turns.forget(key)

    def _keys_with_files(self, handles: Collection[JobHandle]) -> Mapping[str, frozenset[str]]:
        """Return which files the jobs have in the datastore: one list for all of them."""
        found: dict[str, set[str]] = {handle.job_id: set() for handle in handles}
        for key, name in self._site.staging("").listed():
            if key in found:
                found[key].add(name)
        return {key: frozenset(names) for key, names in found.items()}

    def _look_at(self, handle: JobHandle) -> Seen:
        seen = seen_by(partial(self.status, handle))
        if isinstance(seen, JobStatus):
            rest = LOOK_AGAIN_SECONDS if seen.state is JobState.RUNNING else 0.0
            self._turns.looked(handle.job_id, seen, rest)
        return seen


def _as_busy(seen: Seen) -> TransientBackendError | None:
    return seen if isinstance(seen, TransientBackendError) and seen.retry_after is not None else None
