"""How jobs are, by their tasks, by what their runners sent, and by the pool that they wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aml_backends.azure_batch.site import missing_task
from aml_backends.azure_batch.states import status_of
from aml_backends.azure_batch.tasks import job_of
from aml_plugins.compute import JobState, JobStatus
from aml_plugins.compute.looking import Seen, seen_by
from aml_plugins.compute.other_nodes import last_word

if TYPE_CHECKING:
    from aml_backends.azure_batch.pool import Pool
    from aml_backends.azure_batch.site import Site
    from aml_backends.azure_batch.tasks import Tasks
    from aml_plugins.compute import JobHandle

__all__ = ["Looks"]


class Looks:
    """Looks at the jobs of a target. Remembers nothing."""

    def __init__(self, site: Site, tasks: Tasks, pool: Pool) -> None:
        self._site = site
        self._tasks = tasks
        self._pool = pool

    def status(self, handle: JobHandle) -> JobStatus:
        """Return how one job is.

        :raises JobNotFoundError: where it has no task.
        """
        return self._judged(handle, self._tasks.find(handle))

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        """One list for each Batch job, and one question about the pool where tasks wait."""
        by_job: dict[str, list[JobHandle]] = defaultdict(list)
        for handle in handles:
            by_job[job_of(handle)].append(handle)
        found: dict[JobHandle, Seen] = {}
        for job, wanted in by_job.items():
            try:
                tasks = self._tasks.of_job(job, wanted)
            except Exception as error:  # noqa: BLE001  one sick job must not hide the others
                found.update(dict.fromkeys(wanted, error))
            else:
                found.update((one, seen_by(partial(self._judged, one, tasks.get(one.job_id)))) for one in wanted)
        return self._with_reasons(found)

    def _judged(self, handle: JobHandle, task: Mapping[str, Any] | None) -> JobStatus:
        if task is None:
            raise missing_task(handle)
        allowed = self._site.settings.node_loss_retries
        return status_of(task, lambda: last_word(self._site.staging(handle.job_id)), losses_allowed=allowed)

    def _with_reasons(self, found: dict[JobHandle, Seen]) -> dict[JobHandle, Seen]:
        """Say what waiting tasks wait for: one more question a round, where there are any."""
        from dataclasses import replace  # noqa: PLC0415  only where tasks wait

        waiting = {
            handle: status
            for handle, status in found.items()
            if isinstance(status, JobStatus) and status.state is JobState.PENDING
        }
        if waiting:
            why = self._pool.why_waiting()
            for handle, status in waiting.items():
                found[handle] = replace(status, reason=f"{status.reason or ''} {why}".lstrip())
        return found
