"""Why a Job has no pod: the cluster would not have one, and says so in an event and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aml_backends.aks.cluster import Cluster, RefusedError
from aml_backends.aks.states import NO_POD
from aml_plugins.compute import JobHandle, JobStatus
from aml_plugins.compute.sightings import Sightings

__all__ = ["Podless"]

PATIENCE_SECONDS = 5.0
"""A cluster may take so long over a Job's first pod; nobody is asked before."""


class Podless:
    """What one process remembers of jobs without pods; a backend keeps one."""

    def __init__(self) -> None:
        self._sightings = Sightings()

    def explained(
        self, found: Mapping[JobHandle, JobStatus | Exception], cluster: Cluster
    ) -> Mapping[JobHandle, JobStatus | Exception]:
        """Return the statuses, with reasons where the cluster refuses pods: then at the price of one more request."""
        waiting = {
            handle: seen
            for handle, seen in found.items()
            if self._has_waited(handle.job_id, seen) and isinstance(seen, JobStatus)
        }
        if not waiting:
            return found
        said = _complaints(cluster)
        return {**found, **{one: _because(seen, said.get(one.job_id, "")) for one, seen in waiting.items()}}

    def _has_waited(self, key: str, seen: JobStatus | Exception) -> bool:
        if isinstance(seen, JobStatus) and seen.native_state == NO_POD:
            return self._sightings.seconds(key) >= PATIENCE_SECONDS
        self._sightings.forget(key)
        return False


def _complaints(cluster: Cluster) -> Mapping[str, str]:
    try:
        return cluster.complaints("Job", "FailedCreate")
    except RefusedError:  # who may run jobs may not always list events
        return {}


def _because(seen: JobStatus, said: str) -> JobStatus:
    return replace(seen, reason=f"The cluster makes no pod: {said[:500].rstrip('.')}.") if said else seen
