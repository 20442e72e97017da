"""Runs scripts as Jobs of a Kubernetes cluster."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from aml_backends.aks.access import open_cluster
from aml_backends.aks.cluster import Cluster
from aml_backends.aks.config import RESOURCE_TYPE, AksConfig
from aml_backends.aks.creation import cluster_body
from aml_backends.aks.log import look_back, take_new
from aml_backends.aks.plan import HIDDEN, LABEL, job_body, secret_body, service_body
from aml_backends.aks.podless import Podless
from aml_backends.aks.states import CANCELLED, has_ended, start_of, status_of
from aml_backends.azure.resources import ResourceId, has_marks, marks
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
from aml_plugins.compute.job_names import check_resource_name
from aml_plugins.compute.live_records import LiveRecords
from aml_plugins.compute.looking import missing_job, seen_by
from aml_plugins.compute.other_nodes import KeysOfOneNode, last_word, other_delivery_urls, take_other_logs
from aml_plugins.compute.refusing import refuse_spark
from aml_plugins.compute.staging import STATUS, Staging
from aml_plugins.errors import AlreadyExistsError, BackendError, InvalidInputError, JobNotFoundError, NotYetDoneError

if TYPE_CHECKING:
    from aml_backends.aks.provisioning import AzureCluster
    from aml_plugins.compute import JsonObject

__all__ = ["AksBackend"]

MANAGED = "app.kubernetes.io/managed-by=aml-plugins"
FEW = 3
"""Up to so many jobs are asked for one by one; more by one list."""
_CACHE = "/aml/cache"
_ENDED_BADLY = frozenset({"Failed", "Canceled"})


class AksBackend(ComputeBackend):
    """Each run is a Job named after its submission key. A Secret of that name has its variables, and is owned by it."""

    type_name: ClassVar[str] = "aks"
    config_model: ClassVar[type[TargetConfig]] = AksConfig
    _opened: Cluster | None = None

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        self._live = LiveRecords()
        self._of_one_node = KeysOfOneNode()
        self._podless = Podless()

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec, key)
        hidden = dict.fromkeys(sorted({*spec.environment_variables, "AML_COURIER"}), HIDDEN)
        request: dict[str, Any] = {"job": job_body(spec, self._config, key), "secret": {"name": key, "data": hidden}}
        if spec.node_count > 1:
            request["service"] = service_body(key)
        return JobPlan(backend=self.type_name, request={"namespace": self._config.namespace, **request})

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec, key)
        job = self._create(spec, key)
        self._of_one_node.note(key, spec.node_count)
        self._give_to(job, key, ["secret", *(["service"] if spec.node_count > 1 else [])])
        return self._handle(key)

    def find(self, key: str) -> JobHandle | None:
        return self._handle(key) if self.cluster.find("job", key) else None

    def status(self, handle: JobHandle) -> JobStatus:
        job = self.cluster.find("job", handle.job_id)
        pods = list(self.cluster.list("pod", f"{LABEL}={handle.job_id}")) if job else []
        return self._status_of(handle, job, pods)

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, JobStatus | Exception]:
        """Two lists, of jobs and of pods, however many jobs there are; one of files where some jobs are gone."""
        wanted = list(handles)
        if len(wanted) < FEW:
            return self._podless.explained(super().statuses(wanted), self.cluster)
        jobs = {job["metadata"]["name"]: job for job in self.cluster.list("job", MANAGED)}
        pods: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for pod in self.cluster.list("pod", MANAGED):
            pods[pod["metadata"]["labels"].get(LABEL, "")].append(pod)
        told = self._keys_with_last_words() if any(handle.job_id not in jobs for handle in wanted) else set()
        found = {
            handle: seen_by(partial(self._status_of, handle, jobs.get(handle.job_id), pods[handle.job_id]))
            if handle.job_id in jobs or handle.job_id in told
            else _missing(handle)
            for handle in wanted
        }
        return self._podless.explained(found, self.cluster)

    def cancel(self, handle: JobHandle) -> None:
        """Suspend the job: its pods get SIGTERM, send what they have, and go; none comes after them."""
        changes = {"metadata": {"annotations": {CANCELLED: "true"}}, "spec": {"suspend": True}}
        self.cluster.patch("job", handle.job_id, changes)

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        staging = self._staging(handle.job_id)
        found = staging.take_results(destination)
        if handle.job_id not in self._of_one_node:
            take_other_logs(staging, destination)
        if not found and self.cluster.find("job", handle.job_id) is None:
            raise _missing(handle)
        log = destination / "logs" / "std_log.txt"
        if not log.is_file() and self.cluster.find("job", handle.job_id):
            log.parent.mkdir(exist_ok=True)
            log.write_bytes(self._whole_log(handle))

    def cleanup(self, handle: JobHandle) -> None:
        job = self.cluster.find("job", handle.job_id)
        if job is not None:
            self._delete(job, handle.job_id)
        # Owned by the job, unless its submitter was killed in between.
        for kind in ("secret",) if handle.job_id in self._of_one_node else ("secret", "service"):
            self.cluster.delete(kind, handle.job_id)
        self._staging(handle.job_id).forget()
        self._of_one_node.forget(handle.job_id)

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``, line by line; of the first node, where there are many.

        The cursor is ``START/PLACE``: a pod that replaces a lost one has a log of its own.
        """
        pod = self._logging_pod(handle)
        if pod is None:
            if self.cluster.find("job", handle.job_id) is None:
                raise _missing(handle)
            return LogChunk(b"", cursor)
        start = start_of(pod)
        known, _, place = cursor.partition("/")
        place = place if known == str(start) else ""
        chunk = take_new(self.cluster.log(pod["metadata"]["name"], look_back(place)), place)
        return LogChunk(chunk.data, f"{start}/{chunk.cursor}", start)

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``, as far as they were sent."""
        return self._live.read(handle.job_id, cursor, self._staging(handle.job_id).records)

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all our jobs in the namespace."""
        return [self._handle(job["metadata"]["name"]) for job in self.cluster.list("job", MANAGED)]

    def target_plan(self) -> JsonObject:
        """Return the cluster as it is asked for."""
        config = self._config
        if config.resource_id is None or config.create is None:
            raise InvalidInputError(
                f"The settings of '{self.target.name}' do not say what cluster to create.",
                "Give its resource_id and its location.",
            )
        name = ResourceId.parse(config.resource_id, RESOURCE_TYPE).name
        return cluster_body(name, config.create, marks(*self._name))

    def ensure_target(self) -> bool:
        """Go on creating the cluster; return whether it is ready."""
        wanted, azure = self.target_plan(), self._azure()
        found = azure.look()
        if found is None:
            azure.create(wanted)
            return False
        state, tags = found
        if not has_marks(tags, *self._name):
            raise AlreadyExistsError(
                f"There is a cluster {self._config.resource_id} already, which '{self.target.name}' did not create.",
                "Attach it, or choose another name for the cluster.",
            )
        if state in _ENDED_BADLY:
            raise BackendError("Azure could not create the cluster.", "Look at its activity log in the portal.")
        return state == "Succeeded"

    def delete_target(self) -> bool:
        """Go on deleting the cluster that this target created; return whether there is none of ours."""
        azure = self._azure()
        found = azure.look()
        if found is None or not has_marks(found[1], *self._name):
            return True
        if found[0] != "Deleting":
            azure.delete()
        return False

    def check(self) -> str:
        version = self.cluster.version()
        name = self._config.namespace
        if not self.cluster.has_namespace():
            raise BackendError(
                f"The cluster has no namespace '{name}'.",
                f"Create it with: kubectl create namespace {name}; or correct the target's namespace.",
            )
        jobs = sum(1 for _ in self.cluster.list("job", MANAGED))
        return f"Kubernetes {version}, namespace '{name}' with {jobs} of our jobs"

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _config(self) -> AksConfig:
        assert isinstance(self.target.config, AksConfig)  # noqa: S101  the core validated it against config_model
        return self.target.config

    @property
    def settings(self) -> AksConfig:
        """The target's settings."""
        return self._config

    @property
    def cluster(self) -> Cluster:
        """The opened cluster; services live there, too."""
        if self._opened is None:
            self._opened = open_cluster(self._config, self.target.secret, lambda: self._azure().kubeconfig())
        return self._opened

    @property
    def _name(self) -> tuple[str, str]:
        return self.target.workspace, self.target.name

    def _azure(self) -> AzureCluster:
        from aml_backends.aks.provisioning import AzureCluster  # noqa: PLC0415  a cloud SDK

        place = ResourceId.parse(self._config.resource_id or "", RESOURCE_TYPE)
        return AzureCluster(place, self._config.endpoint, self._config.authority)

    def _staging(self, key: str) -> Staging:
        return Staging(self.target, self._config.datastore, key)

    def _handle(self, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key)

    def _create(self, spec: JobSpec, key: str) -> Mapping[str, Any]:
        """Create the job, or find the one that an earlier try created.

        The Secret first: a pod that finds none waits for it, which costs it half a minute.
        """
        staging = self._staging(key)
        orders = {
            "fetch": staging.bring(spec.bundle, cache=_CACHE),
            "deliver": staging.delivery_urls(),
            "others": other_delivery_urls(staging, spec.node_count),
            "live": staging.live_url(),
            "echo": True,
        }
        self.cluster.create(
            "secret", secret_body(key, {**spec.environment_variables, "AML_COURIER": json.dumps(orders)})
        )
        if spec.node_count > 1:
            self.cluster.create("service", service_body(key))
        job = self.cluster.created("job", job_body(spec, self._config, key)) or self.cluster.find("job", key)
        if job is None:
            raise BackendError(f"The job '{key}' was deleted as soon as it was there.", "Submit the run again.")
        return job

    def _delete(self, job: Mapping[str, Any], key: str) -> None:
        """Delete the job; one whose pods may still run, and be writing, is gone when they are.

        :raises NotYetDoneError: where they are not.
        """
        if has_ended(job):
            self.cluster.delete("job", key, policy="Background")
        elif self.cluster.delete("job", key) and self.cluster.find("job", key):
            raise NotYetDoneError(f"The cluster is deleting the job '{key}'.")

    def _give_to(self, job: Mapping[str, Any], key: str, kinds: Sequence[str]) -> None:
        """Have the cluster delete with the job what belongs to it."""
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": key, "uid": job["metadata"]["uid"]}
        for kind in kinds:
            self.cluster.patch(kind, key, {"metadata": {"ownerReferences": [owner]}})

    def _status_of(
        self, handle: JobHandle, job: Mapping[str, Any] | None, pods: Sequence[Mapping[str, Any]]
    ) -> JobStatus:
        if job is None:
            return self._without_job(handle)
        return status_of(job, pods, lambda: last_word(self._staging(handle.job_id)))

    def _without_job(self, handle: JobHandle) -> JobStatus:
        """The cluster deletes what ended a while ago; what the runner said last is still in the datastore."""
        told = last_word(self._staging(handle.job_id))
        if told is None or not told.state.is_terminal:
            raise _missing(handle)
        return told

    def _keys_with_last_words(self) -> set[str]:
        return {key for key, name in self._staging("").listed() if name == STATUS}

    def _logging_pod(self, handle: JobHandle) -> Mapping[str, Any] | None:
        index = "batch.kubernetes.io/job-completion-index"
        pods = [
            pod
            for pod in self.cluster.list("pod", f"{LABEL}={handle.job_id}")
            if (pod["metadata"].get("annotations") or {}).get(index, "0") == "0"
            and pod["status"].get("phase") in {"Running", "Succeeded", "Failed"}
        ]
        return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)

    def _whole_log(self, handle: JobHandle) -> bytes:
        collected, last = b"", LogChunk(b"", "")
        while (chunk := self.logs(handle, last.cursor)).data:
            collected = chunk.data if chunk.generation != last.generation else collected + chunk.data
            last = chunk
        return collected

    def _check(self, spec: JobSpec, key: str) -> None:
        check_resource_name(key)
        refuse_spark(spec, self.target.name)


def _missing(handle: JobHandle) -> JobNotFoundError:
    return missing_job(handle, "deleted in the cluster")
