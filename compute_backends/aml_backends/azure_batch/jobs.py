"""Tasks in the Batch job of their experiment, which is made with the first of them."""

from __future__ import annotations

from aml_backends.azure_batch.api import BatchApi, Body, RefusedError

__all__ = ["KnownJobs", "delete_job"]

_MOST = 10_000
_ENDING = frozenset({"JobNotFound", "JobCompleted", "JobBeingTerminated", "JobBeingDeleted"})


class KnownJobs:
    """The jobs that one process has seen: they are not made again, unless somebody deletes them."""

    def __init__(self) -> None:
        self._there: set[str] = set()

    def create_task(self, api: BatchApi, job: Body, task: Body) -> None:
        """Create a task, and its job where there is none.

        :raises RefusedError: ``TaskExists`` where there is one of that id.
        """
        name = str(job["id"])
        was_there = name in self._there
        if not was_there:
            self._create(api, job)
        try:
            api.create_task(name, task)
        except RefusedError as error:
            self._there.discard(name)
            if error.reason != "JobNotFound" or not was_there:
                raise
            self._create(api, job)
            api.create_task(name, task)

    def _create(self, api: BatchApi, job: Body) -> None:
        try:
            api.create_job(job)
        except RefusedError as error:
            if error.reason != "JobExists":
                raise
            _prioritize(api, job)
        if len(self._there) >= _MOST:
            self._there.clear()
        self._there.add(str(job["id"]))


def _prioritize(api: BatchApi, job: Body) -> None:
    """Give a job of earlier runs the priority that its target has by now; one that is ending refuses the task, too."""
    try:
        if api.get_job(str(job["id"])).get("priority") != job["priority"]:
            api.update_job(str(job["id"]), {"priority": job["priority"]})
    except RefusedError as error:
        if error.reason not in _ENDING:
            raise


def delete_job(api: BatchApi, job: str) -> None:
    """Ask for a job's end, unless it is gone or going."""
    try:
        api.delete_job(job)
    except RefusedError as error:
        if error.reason not in {"JobNotFound", "JobBeingDeleted"}:
            raise
