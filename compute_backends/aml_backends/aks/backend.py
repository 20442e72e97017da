"""Runs scripts as Jobs of a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from aml_backends.aks.access import open_cluster
from aml_backends.aks.cluster import Cluster
from aml_backends.aks.config import RESOURCE_TYPE, AksConfig
from aml_backends.aks.creation import cluster_body
from aml_backends.aks.looks import MANAGED, OTHERWISE, Looks
from aml_backends.aks.objects import create_objects, delete_objects
from aml_backends.aks.plan import HIDDEN, job_body, service_body
from aml_backends.aks.run_log import log_since, whole_log
from aml_backends.aks.states import CANCELLED
from aml_backends.azure.owned_cluster import OwnedCluster
from aml_backends.azure.resources import ResourceId, marks
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
from aml_plugins.compute.looking import missing_job
from aml_plugins.compute.on_demand import OnDemand
from aml_plugins.compute.other_nodes import KeysOfOneNode, take_other_logs
from aml_plugins.compute.refusing import refuse_spark
from aml_plugins.compute.staging import Staging
from aml_plugins.errors import BackendError, InvalidInputError

if TYPE_CHECKING:
    from aml_backends.aks.provisioning import AzureCluster
    from aml_plugins.compute import JsonObject
    from aml_plugins.compute.looking import Seen

__all__ = ["AksBackend"]


class AksBackend(ComputeBackend):
    """Each run is a Job named after its submission key. A Secret of that name has its variables, and is owned by it."""

    type_name: ClassVar[str] = "aks"
    config_model: ClassVar[type[TargetConfig]] = AksConfig

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        self._cluster = OnDemand(self._open_cluster)
        self._live = LiveRecords()
        self._of_one_node = KeysOfOneNode()
        self._looks = Looks(self._staging)

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec, key)
        hidden = dict.fromkeys(sorted({*spec.environment_variables, "AML_COURIER"}), HIDDEN)
        request: dict[str, Any] = {"job": job_body(spec, self._config, key), "secret": {"name": key, "data": hidden}}
        if spec.node_count > 1:
            request["service"] = service_body(key)
        return JobPlan(backend=self.type_name, request={"namespace": self._config.namespace, **request})

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec, key)
        create_objects(self.cluster, self._config, self._staging(key), spec, key)
        self._of_one_node.note(key, spec.node_count)
        return self._handle(key)

    def find(self, key: str) -> JobHandle | None:
        return self._handle(key) if self.cluster.find("job", key) else None

    def status(self, handle: JobHandle) -> JobStatus:
        return self._looks.status(self.cluster, handle)

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        return self._looks.statuses(self.cluster, list(handles))

    def cancel(self, handle: JobHandle) -> None:
        """Suspend the job: its pods get SIGTERM, send what they have, and go; none comes after them."""
        changes = {"metadata": {"annotations": {CANCELLED: "true"}}, "spec": {"suspend": True}}
        self.cluster.patch("job", handle.job_id, changes)

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        staging = self._staging(handle.job_id)
        found = staging.take_results(destination)
        if handle.job_id not in self._of_one_node:
            take_other_logs(staging, destination)
        if not found:
            self._check_is_there(handle)
        log = destination / "logs" / "std_log.txt"
        if not log.is_file() and self.cluster.find("job", handle.job_id):
            log.parent.mkdir(exist_ok=True)
            log.write_bytes(whole_log(self.cluster, handle.job_id))

    def cleanup(self, handle: JobHandle) -> None:
        kinds = ("secret",) if handle.job_id in self._of_one_node else ("secret", "service")
        delete_objects(self.cluster, handle.job_id, kinds)
        self._staging(handle.job_id).forget()
        self._of_one_node.forget(handle.job_id)

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``, line by line; of the first node, where there are many."""
        chunk = log_since(self.cluster, handle.job_id, cursor)
        if chunk is None:
            self._check_is_there(handle)
            return LogChunk(b"", cursor)
        return chunk

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
        return cluster_body(name, config.create, marks(self.target.workspace, self.target.name))

    def ensure_target(self) -> bool:
        """Go on creating the cluster; return whether it is ready."""
        wanted = self.target_plan()
        return self._owned_cluster().ensure(lambda: wanted)

    def delete_target(self) -> bool:
        """Go on deleting the cluster that this target created; return whether there is none of ours."""
        return self._owned_cluster().delete()

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
        self._cluster.close()

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
        return self._cluster.get()

    def _open_cluster(self) -> Cluster:
        return open_cluster(self._config, self.target.secret, lambda: self._azure().kubeconfig())

    def _azure(self) -> AzureCluster:
        from aml_backends.aks.provisioning import AzureCluster  # noqa: PLC0415  a cloud SDK

        place = ResourceId.parse(self._config.resource_id or "", RESOURCE_TYPE)
        return AzureCluster(place, self._config.endpoint, self._config.authority)

    def _owned_cluster(self) -> OwnedCluster:
        return OwnedCluster(self._azure(), self._config.resource_id, self.target.workspace, self.target.name)

    def _staging(self, key: str) -> Staging:
        return Staging(self.target, self._config.datastore, key)

    def _handle(self, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key)

    def _check_is_there(self, handle: JobHandle) -> None:
        if self.cluster.find("job", handle.job_id) is None:
            raise missing_job(handle, OTHERWISE)

    def _check(self, spec: JobSpec, key: str) -> None:
        check_resource_name(key)
        refuse_spark(spec, self.target.name)
