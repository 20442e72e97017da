"""How jobs are, by what the cluster has of them, and by what their runners sent of those that it has deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aml_backends.aks.plan import LABEL
from aml_backends.aks.podless import Podless
from aml_backends.aks.states import status_of
from aml_plugins.compute.looking import Seen, missing_job, seen_by
from aml_plugins.compute.other_nodes import last_word
from aml_plugins.compute.staging import STATUS, Staging

if TYPE_CHECKING:
    from aml_backends.aks.cluster import Cluster
    from aml_plugins.compute import JobHandle, JobStatus

__all__ = ["MANAGED", "OTHERWISE", "Looks"]

MANAGED = "app.kubernetes.io/managed-by=aml-plugins"
FEW = 3
"""Up to so many jobs are asked for one by one; more by one list."""
OTHERWISE = "deleted in the cluster"
"""What may have become of a job that nobody cleaned up."""


class Looks:
    """Looks at the jobs of a target; a backend keeps one.

    :param staging: returns a job's files in the datastore by its key; those of all jobs by the empty one.
    """

    def __init__(self, staging: Callable[[str], Staging]) -> None:
        self._staging = staging
        self._podless = Podless()

    def status(self, cluster: Cluster, handle: JobHandle) -> JobStatus:
        """Return how one job is.

        :raises JobNotFoundError: where there is none.
        """
        job = cluster.find("job", handle.job_id)
        if job is None:
            return self._told(handle)
        return self._judged(handle, job, list(cluster.list("pod", f"{LABEL}={handle.job_id}")))

    def statuses(self, cluster: Cluster, handles: Sequence[JobHandle]) -> Mapping[JobHandle, Seen]:
        """Two lists, of jobs and of pods, however many jobs there are; one of files where some jobs are gone."""
        if len(handles) < FEW:
            found = {handle: seen_by(partial(self.status, cluster, handle)) for handle in handles}
        else:
            found = self._listed(cluster, handles)
        return self._podless.explained(found, cluster)

    def _listed(self, cluster: Cluster, handles: Sequence[JobHandle]) -> dict[JobHandle, Seen]:
        jobs = {str(job["metadata"]["name"]): job for job in cluster.list("job", MANAGED)}
        pods: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for pod in cluster.list("pod", MANAGED):
            pods[pod["metadata"]["labels"].get(LABEL, "")].append(pod)
        gone = {handle.job_id for handle in handles} - jobs.keys()
        told = self._keys_with_last_words() & gone if gone else set()
        found: dict[JobHandle, Seen] = {}
        for handle in handles:
            key = handle.job_id
            if key in jobs:
                found[handle] = seen_by(partial(self._judged, handle, jobs[key], pods[key]))
            else:
                found[handle] = seen_by(partial(self._told, handle)) if key in told else missing_job(handle, OTHERWISE)
        return found

    def _judged(self, handle: JobHandle, job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> JobStatus:
        return status_of(job, pods, lambda: last_word(self._staging(handle.job_id)))

    def _told(self, handle: JobHandle) -> JobStatus:
        """The cluster deletes what ended a while ago; what the runner said last is still in the datastore."""
        told = last_word(self._staging(handle.job_id))
        if told is None or not told.state.is_terminal:
            raise missing_job(handle, OTHERWISE)
        return told

    def _keys_with_last_words(self) -> set[str]:
        return {key for key, name in self._staging("").listed() if name == STATUS}
