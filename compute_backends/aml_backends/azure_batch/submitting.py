"""A task is created once, by its id: it is not asked for before, only where Batch refuses to create it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_backends.azure_batch.api import RefusedError
from aml_backends.azure_batch.instances import check_pool
from aml_backends.azure_batch.jobs import KnownJobs
from aml_backends.azure_batch.plan import Addresses, job_body, task_body
from aml_plugins.compute.courier import environment_inside
from aml_plugins.compute.image_registry import registry_password
from aml_plugins.compute.other_nodes import other_delivery_urls

if TYPE_CHECKING:
    from aml_backends.azure_batch.pool import Pool
    from aml_backends.azure_batch.site import Site
    from aml_backends.azure_batch.tasks import Tasks
    from aml_plugins.compute import JobHandle, JobSpec
    from aml_plugins.compute.staging import Staging

__all__ = ["Submitter"]

_CACHE = "$AZ_BATCH_NODE_SHARED_DIR/aml-environments"


class Submitter:
    """Creates tasks, and remembers what of the account need not be looked at again; a backend keeps one."""

    def __init__(self, site: Site, tasks: Tasks, pool: Pool) -> None:
        self._site = site
        self._tasks = tasks
        self._pool = pool
        self._pool_was_there = False
        self._jobs = KnownJobs()

    def submit(self, spec: JobSpec, handle: JobHandle) -> None:
        """Create the task, unless another driver was first."""
        self._ensure_pool(spec)
        staging = self._site.staging(handle.job_id)
        addresses = self._brought(spec, staging)
        body = task_body(self._site.settings, spec, handle.job_id, addresses, hide=False)
        try:
            self._jobs.create_task(self._site.api, job_body(self._site.settings, spec, self._site.target.name), body)
        except RefusedError as error:
            if error.reason != "TaskExists" and self._tasks.find(handle) is None:
                staging.forget()
                raise

    def _ensure_pool(self, spec: JobSpec) -> None:
        """A pool that was seen once is not looked for again; if it goes, tasks wait and their reason says so."""
        if self._pool_was_there and spec.node_count == 1:
            return
        pool = self._pool.ensure()
        self._pool_was_there = True
        if pool is not None and spec.node_count > 1:
            check_pool(pool, spec, self._site.target.name)

    def _brought(self, spec: JobSpec, staging: Staging) -> Addresses:
        """Bring the task's files to the datastore; return what its node shall read from there and write to."""
        files = staging.bring(spec.bundle, cache=_CACHE, environment=environment_inside(spec.environment))
        container = staging.container_url() if spec.node_count == 1 else None
        delivery = {} if container else staging.delivery_urls()
        others = other_delivery_urls(staging, spec.node_count)
        password = registry_password(spec, self._site.target.secret)
        return Addresses(files, container, staging.folder, delivery, others, password)
