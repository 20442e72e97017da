"""The objects of a run in the cluster: its Job, and what belongs to that: a Secret, and a Service between its nodes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aml_backends.aks.plan import job_body, secret_body, service_body
from aml_backends.aks.states import has_ended
from aml_plugins.compute.courier import courier_orders
from aml_plugins.compute.other_nodes import other_delivery_urls
from aml_plugins.errors import BackendError, NotYetDoneError

if TYPE_CHECKING:
    from aml_backends.aks.cluster import Cluster
    from aml_backends.aks.config import AksConfig
    from aml_plugins.compute import JobSpec
    from aml_plugins.compute.staging import Staging

__all__ = ["create_objects", "delete_objects"]

_CACHE = "/aml/cache"


def create_objects(cluster: Cluster, config: AksConfig, staging: Staging, spec: JobSpec, key: str) -> None:
    """Create the objects, as far as no earlier try did, and have the cluster delete with the job what belongs to it."""
    variables = {**spec.environment_variables, "AML_COURIER": json.dumps(_orders(staging, spec))}
    # The Secret first: a pod that finds none waits for it, which costs it half a minute.
    cluster.create("secret", secret_body(key, variables))
    if spec.node_count > 1:
        cluster.create("service", service_body(key))
    job = cluster.created("job", job_body(spec, config, key)) or cluster.find("job", key)
    if job is None:
        raise BackendError(f"The job '{key}' was deleted as soon as it was there.", "Submit the run again.")
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": key, "uid": job["metadata"]["uid"]}
    for kind in ("secret", "service") if spec.node_count > 1 else ("secret",):
        cluster.patch(kind, key, {"metadata": {"ownerReferences": [owner]}})


def delete_objects(cluster: Cluster, key: str, kinds: Iterable[str]) -> None:
    """Delete the job; one whose pods may still run, and be writing, is gone when they are.

    :param kinds: what may belong to it: the job owns it, unless its submitter was killed in between.
    :raises NotYetDoneError: where pods may still run.
    """
    job = cluster.find("job", key)
    if job is not None:
        _delete_job(cluster, job, key)
    for kind in kinds:
        cluster.delete(kind, key)


def _delete_job(cluster: Cluster, job: Mapping[str, Any], key: str) -> None:
    if has_ended(job):
        cluster.delete("job", key, policy="Background")
    elif cluster.delete("job", key) and cluster.find("job", key):
        raise NotYetDoneError(f"The cluster is deleting the job '{key}'.")


def _orders(staging: Staging, spec: JobSpec) -> dict[str, Any]:
    """Return what the courier is to fetch and to deliver, by signed URLs."""
    files = staging.bring(spec.bundle, cache=_CACHE)
    return {**courier_orders(files, staging), "others": other_delivery_urls(staging, spec.node_count)}
