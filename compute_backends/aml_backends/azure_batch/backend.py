"""Runs jobs on a pool of Azure Batch: a Batch job an experiment, a task a run, files through a datastore."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from aml_backends.azure_batch.api import BatchApi, RefusedError
from aml_backends.azure_batch.config import AzureBatchConfig
from aml_backends.azure_batch.instances import check_nodes, check_pool
from aml_backends.azure_batch.jobs import KnownJobs, delete_job
from aml_backends.azure_batch.node_files import bring_from_node, bring_other_logs, read_from
from aml_backends.azure_batch.plan import PREFIX, Addresses, job_body, job_id, job_marks, pool_body, task_body
from aml_backends.azure_batch.provisioning import delete_pool, ensure_pool, pool_is_ready, why_waiting
from aml_backends.azure_batch.states import start_of, status_of
from aml_plugins.compute import (
    ComputeBackend,
    ComputeTarget,
    JobHandle,
    JobPlan,
    JobSpec,
    JobState,
    JobStatus,
    LogChunk,
    TargetConfig,
)
from aml_plugins.compute.live_records import LiveRecords
from aml_plugins.compute.other_nodes import KeysOfOneNode, last_word, other_delivery_urls, take_other_logs
from aml_plugins.compute.refusing import refuse_dockerfile, refuse_spark
from aml_plugins.compute.staging import Staging, environment_inside
from aml_plugins.errors import InvalidInputError, JobNotFoundError, NotYetDoneError

if TYPE_CHECKING:
    from aml_plugins.compute import JsonValue

__all__ = ["AzureBatchBackend"]

KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]")
FEW = 2
"""So many tasks of one job are asked for one by one: listing would bring all of the experiment's."""
CACHE = "$AZ_BATCH_NODE_SHARED_DIR/aml-environments"
_GONE = frozenset({"TaskNotFound", "JobNotFound", "JobBeingDeleted"})


class AzureBatchBackend(ComputeBackend):
    """Exactly-once by the task's id, which is the submission key."""

    type_name: ClassVar[str] = "azure-batch"
    config_model: ClassVar[type[TargetConfig]] = AzureBatchConfig

    _opened: BatchApi | None = None
    _pool_was_there = False

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        self._live = LiveRecords()
        self._jobs = KnownJobs()
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
        job = job_id(self._config, spec, self.target.name)
        self._ensure_pool(spec)
        handle = self._handle(job, key)
        self._create_task(spec, handle)
        self._of_one_node.note(key, spec.node_count)
        return handle

    def find(self, key: str) -> JobHandle | None:
        """Look through our jobs: the key does not say the experiment. Only asked after a crash."""
        _check_key(key)
        for job in self._own_jobs():
            handle = self._handle(job, key)
            if self._task(handle) is not None:
                return handle
        return None

    def status(self, handle: JobHandle) -> JobStatus:
        return self._status(handle, self._existing(handle))

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, JobStatus | Exception]:
        by_job: dict[str, list[JobHandle]] = defaultdict(list)
        for handle in handles:
            by_job[_job(handle)].append(handle)
        found: dict[JobHandle, JobStatus | Exception] = {}
        for job, wanted in by_job.items():
            try:
                tasks = self._tasks(job, wanted)
            except Exception as error:  # noqa: BLE001  one sick job must not hide the others
                found.update(dict.fromkeys(wanted, error))
            else:
                found.update((handle, self._safe_status(handle, tasks.get(handle.job_id))) for handle in wanted)
        return self._with_reasons(found)

    def cancel(self, handle: JobHandle) -> None:
        if not _job(handle):
            return
        try:
            self._api.terminate_task(_job(handle), handle.job_id)
        except RefusedError as error:
            if error.reason not in _GONE | {"TaskCompleted", "JobCompleted"}:
                raise

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        staging = self._staging(handle.job_id)
        if not staging.take_results(destination):
            self._existing(handle)
            bring_from_node(self._api, _job(handle), handle.job_id, destination)
        if handle.job_id in self._of_one_node:
            return
        known = take_other_logs(staging, destination)
        if str((self._existing(handle).get("executionInfo") or {}).get("result")).lower() != "success":
            bring_other_logs(self._api, _job(handle), handle.job_id, destination, known)

    def cleanup(self, handle: JobHandle) -> None:
        self._of_one_node.forget(handle.job_id)
        if not _job(handle):
            return
        try:
            self._api.delete_task(_job(handle), handle.job_id)
        except RefusedError as error:
            if error.reason not in _GONE:
                raise
        else:
            if self._task(handle) is not None:
                raise NotYetDoneError(f"Azure Batch is deleting the task '{handle.job_id}'.", "Clean up again later.")
        self._staging(handle.job_id).forget()

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``, from the node; from the first, where there are many.

        The cursor is ``OFFSET`` or ``OFFSET:START``: a task whose node was lost begins a new file on another one.
        """
        offset, _, known = cursor.partition(":")
        if not known:
            return self._log_since(handle, "", start_of(self._existing(handle)))
        chunk = self._log_since(handle, offset, int(known))
        start = start_of(self._existing(handle))  # asked afterwards: what was read cannot be of a later start
        return chunk if start in {0, int(known)} else self._log_since(handle, "", start)

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``, from the node."""
        return self._live.read(handle.job_id, cursor, lambda since: self._new_records(handle, since))

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all tasks in jobs of ours."""
        return [
            self._handle(job, str(task["id"]))
            for job in self._own_jobs()
            for task in self._tasks_of(job)
            if KEY.fullmatch(str(task["id"]))
        ]

    def target_plan(self) -> dict[str, JsonValue]:
        """Return the pool, with the formula that scales it."""
        if self._config.vm_size is None:
            raise InvalidInputError(
                f"The settings of '{self.target.name}' do not say what machines its pool has.", "Give its vm_size."
            )
        return pool_body(self._config, *self._name)

    def ensure_target(self) -> bool:
        """Go on creating the pool; return True once it has its least number of nodes."""
        return pool_is_ready(self._api, self._config, *self._name)

    def delete_target(self) -> bool:
        """Go on deleting the pool that this target created, and its jobs; return True once the pool is gone.

        Jobs are never ended while the target is there, and an account may have a few hundred only.
        """
        if not delete_pool(self._api, self._config, *self._name):
            return False
        for job in self._own_jobs():
            delete_job(self._api, job)
        return True

    def check(self) -> str:
        pool = ensure_pool(self._api, self._config, *self._name) or {}
        nodes = int(pool.get("currentDedicatedNodes") or 0), int(pool.get("currentLowPriorityNodes") or 0)
        return f"pool '{self._config.pool}' of {self._config.account_url}: {nodes[0]} dedicated, {nodes[1]} spot nodes"

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _config(self) -> AzureBatchConfig:
        assert isinstance(self.target.config, AzureBatchConfig)  # noqa: S101  the core validated it
        return self.target.config

    @property
    def _name(self) -> tuple[str, str]:
        return self.target.workspace, self.target.name

    @property
    def _api(self) -> BatchApi:
        if self._opened is None:
            from aml_backends.azure_batch.sdk import SdkBatchApi  # noqa: PLC0415  Azure's SDK is heavy

            key = self._config.account_key
            secret = self.target.secret(key) if key else None
            self._opened = SdkBatchApi(self._config.account_url, self._config.name_of_account, secret)
        return self._opened

    def _staging(self, key: str) -> Staging:
        return Staging(self.target, self._config.datastore, key)

    def _handle(self, job: str, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key, {"job": job})

    def _ensure_pool(self, spec: JobSpec) -> None:
        """A pool that was seen once is not looked for again; if it goes, tasks wait and their reason says so."""
        if self._pool_was_there and spec.node_count == 1:
            return
        pool = ensure_pool(self._api, self._config, *self._name)
        self._pool_was_there = True
        if pool is not None and spec.node_count > 1:
            check_pool(pool, spec, self.target.name)

    def _own_jobs(self) -> Iterator[str]:
        """Yield this target's jobs: other targets and workspaces may have theirs in the same account."""
        marks = job_marks(self.target.workspace, self.target.name)
        for job in self._api.list_jobs(PREFIX):
            pool = str((job.get("poolInfo") or {}).get("poolId", ""))
            if pool.lower() == self._config.pool.lower() and all(mark in (job.get("metadata") or ()) for mark in marks):
                yield str(job["id"])

    def _tasks_of(self, job: str) -> Iterator[Mapping[str, Any]]:
        """Yield a job's tasks; none of one that somebody has deleted since it was listed."""
        try:
            yield from self._api.list_tasks(job)
        except RefusedError as error:
            if error.reason not in _GONE:
                raise

    def _create_task(self, spec: JobSpec, handle: JobHandle) -> None:
        """Create the task, unless another driver was first: it is not asked for before, only where Batch refuses."""
        key = handle.job_id
        staging = self._staging(key)
        files = staging.bring(spec.bundle, cache=CACHE, environment=environment_inside(spec.environment))
        container = staging.container_url() if spec.node_count == 1 else None
        delivery = {} if container else staging.delivery_urls()
        others = other_delivery_urls(staging, spec.node_count)
        addresses = Addresses(files, container, staging.folder, delivery, others, self._registry_password(spec))
        body = task_body(self._config, spec, key, addresses, hide=False)
        try:
            self._jobs.create_task(self._api, job_body(self._config, spec, self.target.name), body)
        except RefusedError as error:
            if error.reason != "TaskExists" and self._task(handle) is None:
                staging.forget()
                raise

    def _registry_password(self, spec: JobSpec) -> str | None:
        registry: Any = spec.environment.get("registry")
        reference = registry.get("password") if isinstance(registry, Mapping) else None
        return self.target.secret(str(reference)) if reference else None

    def _task(self, handle: JobHandle) -> Mapping[str, Any] | None:
        try:
            return self._api.get_task(_job(handle), handle.job_id) if _job(handle) else None
        except RefusedError as error:
            if error.reason in _GONE:
                return None
            raise

    def _existing(self, handle: JobHandle) -> Mapping[str, Any]:
        task = self._task(handle)
        if task is None:
            raise _missing(handle)
        return task

    def _tasks(self, job: str, handles: list[JobHandle]) -> Mapping[str, Mapping[str, Any]]:
        """Return the tasks by id. A list may lag: what it does not show is asked for before it counts as gone."""
        if not job:
            return {}
        listed: dict[str, Mapping[str, Any]] = {}
        if len(handles) > FEW:
            try:
                listed = {str(task["id"]): task for task in self._api.list_tasks(job)}
            except RefusedError as error:
                if error.reason in _GONE:
                    return {}
                raise
        for handle in handles:
            if handle.job_id not in listed and (task := self._task(handle)) is not None:
                listed[handle.job_id] = task
        return listed

    def _safe_status(self, handle: JobHandle, task: Mapping[str, Any] | None) -> JobStatus | Exception:
        if task is None:
            return _missing(handle)
        try:
            return self._status(handle, task)
        except Exception as error:  # noqa: BLE001  as above
            return error

    def _status(self, handle: JobHandle, task: Mapping[str, Any]) -> JobStatus:
        allowed = self._config.node_loss_retries
        return status_of(task, lambda: last_word(self._staging(handle.job_id)), losses_allowed=allowed)

    def _with_reasons(self, found: dict[JobHandle, JobStatus | Exception]) -> dict[JobHandle, JobStatus | Exception]:
        """Say what waiting tasks wait for: one more question a round, where there are any."""
        from dataclasses import replace  # noqa: PLC0415  only where tasks wait

        waiting = {
            handle: status
            for handle, status in found.items()
            if isinstance(status, JobStatus) and status.state is JobState.PENDING
        }
        if waiting:
            why = why_waiting(self._api, self._config, *self._name)
            for handle, status in waiting.items():
                found[handle] = replace(status, reason=f"{status.reason or ''} {why}".lstrip())
        return found

    def _log_since(self, handle: JobHandle, offset: str, start: int) -> LogChunk:
        if not start:
            return LogChunk(b"", "")
        chunk = self._tail(handle, "std_log.txt", offset)
        return LogChunk(chunk.data, f"{chunk.cursor}:{start}", start)

    def _tail(self, handle: JobHandle, name: str, cursor: str) -> LogChunk:
        if not _job(handle):
            raise _missing(handle)
        first = int(cursor or 0)
        try:
            data = read_from(self._api, _job(handle), handle.job_id, name, first)
        except RefusedError as error:
            if error.reason in _GONE:
                raise _missing(handle) from None
            raise
        return LogChunk(data, str(first + len(data)))

    def _new_records(self, handle: JobHandle, cursor: str) -> LogChunk:
        chunk = self._tail(handle, "records.jsonl", cursor)
        whole = chunk.data[: chunk.data.rfind(b"\n") + 1]
        return LogChunk(whole, str(int(cursor or 0) + len(whole)))

    def _check(self, spec: JobSpec, key: str) -> None:
        _check_key(key)
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


def _check_key(key: str) -> None:
    if not KEY.fullmatch(key):
        raise InvalidInputError(f"'{key}' cannot be the name of a job.", "Use 3 to 63 letters, digits and hyphens.")


def _job(handle: JobHandle) -> str:
    return str(handle.data.get("job") or "")


def _missing(handle: JobHandle) -> JobNotFoundError:
    return JobNotFoundError(
        f"There is no task '{handle.job_id}' on the compute target '{handle.target}'.",
        "It was cleaned up, or deleted on Azure.",
    )
