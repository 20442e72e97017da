"""A target's tasks, and the Batch jobs in which they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aml_backends.azure_batch.api import RefusedError
from aml_backends.azure_batch.plan import PREFIX, job_marks
from aml_backends.azure_batch.site import missing_task

if TYPE_CHECKING:
    from aml_backends.azure_batch.site import Site
    from aml_plugins.compute import JobHandle

__all__ = ["Tasks", "job_of"]

FEW = 2
"""So many tasks of one job are asked for one by one: listing would bring all of the experiment's."""
Task = Mapping[str, Any]


def job_of(handle: JobHandle) -> str:
    """Return the Batch job in which a run's task is; empty for a handle that names none."""
    return str(handle.data.get("job") or "")


class Tasks:
    """Each method asks Batch anew."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def own_jobs(self) -> Iterator[str]:
        """Yield this target's jobs: other targets and workspaces may have theirs in the same account."""
        marks, own = job_marks(*self._site.name), self._site.settings.pool.lower()
        for job in self._site.api.list_jobs(PREFIX):
            pool = str((job.get("poolInfo") or {}).get("poolId", ""))
            if pool.lower() == own and all(mark in (job.get("metadata") or ()) for mark in marks):
                yield str(job["id"])

    def find(self, handle: JobHandle) -> Task | None:
        """Return a task, None where there is none."""
        job = job_of(handle)
        try:
            return self._site.api.get_task(job, handle.job_id) if job else None
        except RefusedError as error:
            if error.is_gone:
                return None
            raise

    def get(self, handle: JobHandle) -> Task:
        """Return a task.

        :raises JobNotFoundError: where there is none.
        """
        task = self.find(handle)
        if task is None:
            raise missing_task(handle)
        return task

    def in_job(self, job: str) -> Sequence[Task] | None:
        """Return all tasks of a job; None for one that is gone, or going."""
        try:
            return list(self._site.api.list_tasks(job))
        except RefusedError as error:
            if error.is_gone:
                return None
            raise

    def of_job(self, job: str, handles: Collection[JobHandle]) -> Mapping[str, Task]:
        """Return these tasks of a job by id.

        A list may lag: what it does not show is asked for before it counts as gone.
        """
        if not job:
            return {}
        tasks = self.in_job(job) if len(handles) > FEW else []
        if tasks is None:
            return {}
        listed = {str(task["id"]): task for task in tasks}
        for handle in handles:
            if handle.job_id not in listed and (task := self.find(handle)) is not None:
                listed[handle.job_id] = task
        return listed
