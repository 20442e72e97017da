"""Runs jobs on a pool of Azure Batch: a Batch job an experiment, a task a run, files through a datastore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from aml_backends.azure_batch.api import BatchApi, RefusedError
from aml_backends.azure_batch.config import AzureBatchConfig
from aml_backends.azure_batch.instances import check_nodes
from aml_backends.azure_batch.jobs import delete_job
from aml_backends.azure_batch.looks import Looks
from aml_backends.azure_batch.node_files import bring_from_node, bring_other_logs
from aml_backends.azure_batch.plan import Addresses, job_body, job_id, pool_body, task_body
from aml_backends.azure_batch.pool import Pool
from aml_backends.azure_batch.site import Site
from aml_backends.azure_batch.submitting import Submitter
from aml_backends.azure_batch.task_files import log_since, records_since
from aml_backends.azure_batch.tasks import Tasks, job_of
from aml_plugins.compute import (
    ComputeBackend,
    ComputeTarget,
    JobHandle,
    JobPlan,
    JobSpec,
    JobStatus,
    LogChunk,
    TargetConfig,
)
from aml_plugins.compute.job_names import check_resource_name, is_resource_name
from aml_plugins.compute.live_records import LiveRecords
from aml_plugins.compute.other_nodes import KeysOfOneNode, take_other_logs
from aml_plugins.compute.refusing import refuse_dockerfile, refuse_spark
from aml_plugins.errors import InvalidInputError, NotYetDoneError

if TYPE_CHECKING:
    from aml_plugins.compute import JsonValue
    from aml_plugins.compute.looking import Seen

__all__ = ["AzureBatchBackend"]


class AzureBatchBackend(ComputeBackend):
    """Exactly-once by the task's id, which is the submission key."""

    type_name: ClassVar[str] = "azure-batch"
    config_model: ClassVar[type[TargetConfig]] = AzureBatchConfig

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        self._site = Site(target, self._config)
        self._tasks = Tasks(self._site)
        self._pool = Pool(self._site)
        self._looks = Looks(self._site, self._tasks, self._pool)
        self._submitter = Submitter(self._site, self._tasks, self._pool)
        self._live = LiveRecords()
        self._of_one_node = KeysOfOneNode()

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec, key)
        request: dict[str, JsonValue] = {
            "job": job_body(self._config, spec, self.target.name),
            "task": task_body(self._config, spec, key, Addresses(folder=f"jobs/{key}/"), hide=True),
        }
        if self._config.vm_size is not None:
            request["pool"] = self.target_plan()
        return JobPlan(backend=self.type_name, request=request)

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec, key)
        handle = self._handle(job_id(self._config, spec, self.target.name), key)
        self._submitter.submit(spec, handle)
        self._of_one_node.note(key, spec.node_count)
        return handle

    def find(self, key: str) -> JobHandle | None:
        """Look through our jobs: the key does not say the experiment. Only asked after a crash."""
        check_resource_name(key)
        for job in self._tasks.own_jobs():
            handle = self._handle(job, key)
            if self._tasks.find(handle) is not None:
                return handle
        return None

    def status(self, handle: JobHandle) -> JobStatus:
        return self._looks.status(handle)

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        return self._looks.statuses(handles)

    def cancel(self, handle: JobHandle) -> None:
        if not job_of(handle):
            return
        try:
            self._api.terminate_task(job_of(handle), handle.job_id)
        except RefusedError as error:
            if not error.is_gone and error.reason not in {"TaskCompleted", "JobCompleted"}:
                raise

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        staging = self._site.staging(handle.job_id)
        if not staging.take_results(destination):
            self._tasks.get(handle)
            bring_from_node(self._api, job_of(handle), handle.job_id, destination)
        if handle.job_id in self._of_one_node:
            return
        known = take_other_logs(staging, destination)
        if str((self._tasks.get(handle).get("executionInfo") or {}).get("result")).lower() != "success":
            bring_other_logs(self._api, job_of(handle), handle.job_id, destination, known)

    def cleanup(self, handle: JobHandle) -> None:
        self._of_one_node.forget(handle.job_id)
        if not job_of(handle):
            return
        try:
            self._api.delete_task(job_of(handle), handle.job_id)
        except RefusedError as error:
            if not error.is_gone:
                raise
        else:
            if self._tasks.find(handle) is not None:
                raise NotYetDoneError(f"Azure Batch is deleting the task '{handle.job_id}'.", "Clean up again later.")
        self._site.staging(handle.job_id).forget()

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``, from the node; from the first, where there are many."""
        return log_since(self._site, self._tasks, handle, cursor)

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``, from the node."""
        return self._live.read(handle.job_id, cursor, lambda since: records_since(self._site, handle, since))

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all tasks in jobs of ours."""
        return [
            self._handle(job, str(task["id"]))
            for job in self._tasks.own_jobs()
            for task in self._tasks.in_job(job) or ()
            if is_resource_name(str(task["id"]))
        ]

    def target_plan(self) -> dict[str, JsonValue]:
        """Return the pool, with the formula that scales it."""
        if self._config.vm_size is None:
            raise InvalidInputError(
                f"The settings of '{self.target.name}' do not say what machines its pool has.", "Give its vm_size."
            )
        return pool_body(self._config, *self._site.name)

    def ensure_target(self) -> bool:
        """Go on creating the pool; return True once it has its least number of nodes."""
        return self._pool.is_ready()

    def delete_target(self) -> bool:
        """Go on deleting the pool that this target created, and its jobs; return True once the pool is gone.

        Jobs are never ended while the target is there, and an account may have a few hundred only.
        """
        if not self._pool.delete():
            return False
        for job in self._tasks.own_jobs():
            delete_job(self._api, job)
        return True

    def check(self) -> str:
        pool = self._pool.ensure() or {}
        nodes = int(pool.get("currentDedicatedNodes") or 0), int(pool.get("currentLowPriorityNodes") or 0)
        return f"pool '{self._config.pool}' of {self._config.account_url}: {nodes[0]} dedicated, {nodes[1]} spot nodes"

    def close(self) -> None:
        self._site.close()

    @property
    def _config(self) -> AzureBatchConfig:
        assert isinstance(self.target.config, AzureBatchConfig)  # noqa: S101  the core validated it
        return self.target.config

    @property
    def _api(self) -> BatchApi:
        return self._site.api

    def _handle(self, job: str, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key, {"job": job})

    def _check(self, spec: JobSpec, key: str) -> None:
        check_resource_name(key)
        config, name = self._config, self.target.name
        is_docker = spec.environment.get("kind") == "docker"
        refuse_spark(spec, name)
        if spec.node_count > 1:
            check_nodes(config, spec, name)
        refuse_dockerfile(spec, name)
        if is_docker is not config.containers:
            raise InvalidInputError(
                f"The pool of compute target '{name}' runs {'only' if config.containers else 'no'} Docker images.",
                "Choose an environment of another kind, or another compute target.",
            )
