"""Runs scripts as Spark drivers through Apache Livy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from aml_backends.hdinsight.config import HDInsightConfig
from aml_backends.hdinsight.ending import Ending
from aml_backends.hdinsight.files import bring_home, stage
from aml_backends.hdinsight.looks import Looks
from aml_backends.hdinsight.plan import batch_request, check_spec
from aml_backends.hdinsight.sealing import seal, sealed_name
from aml_backends.hdinsight.site import Site
from aml_backends.hdinsight.states import has_ended
from aml_backends.hdinsight.target_cluster import TargetCluster
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
from aml_plugins.compute.job_names import check_directory_name
from aml_plugins.compute.spark_section import paths_in_snapshot

if TYPE_CHECKING:
    from aml_backends.hdinsight.livy import Livy
    from aml_backends.hdinsight.staging import Staging
    from aml_plugins.compute import JsonObject
    from aml_plugins.compute.looking import Seen

__all__ = ["HDInsightBackend"]


class HDInsightBackend(ComputeBackend):
    """Each job is a batch named after its submission key, and a staging directory of that name.

    Livy refuses a second batch of one name, which makes submission safe to repeat; after Livy has forgotten a batch,
    the agent's claim in the staging directory says that the job was run.
    """

    type_name: ClassVar[str] = "hdinsight"
    config_model: ClassVar[type[TargetConfig]] = HDInsightConfig

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        assert isinstance(target.config, HDInsightConfig)  # noqa: S101  the core validated it against config_model
        self._config = target.config
        self._site = Site(target, self._config)
        self._looks = Looks(self._site)
        self._ending = Ending(self._site, self._looks)

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        check_spec(spec, self.target.name)
        check_directory_name(key)
        directory = f"{self._config.staging}/{key}"
        return JobPlan(
            backend=self.type_name,
            request={
                "url": f"{self._config.livy}/batches",
                "batch": batch_request(spec, self._config, key, directory, "***"),
                "staged": sorted([*spec.bundle, *paths_in_snapshot(spec)]),
                "environment_variables": dict.fromkeys(sorted(spec.environment_variables), "***"),
            },
        )

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        check_spec(spec, self.target.name)
        if self.find(key) is None:
            stage(self._staging, key, spec)
            sealing_key, sealed = seal(spec.environment_variables)
            self._staging.write(key, sealed_name(sealing_key), sealed)
            self._livy.create(batch_request(spec, self._config, key, self._staging.url_of(key), sealing_key))
        return self._handle(key)

    def find(self, key: str) -> JobHandle | None:
        check_directory_name(key)
        return self._handle(key) if self._site.is_known(key) else None

    def status(self, handle: JobHandle) -> JobStatus:
        return self._looks.status(handle, self._livy.find(handle.job_id))

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        return self._looks.statuses(handles)

    def cancel(self, handle: JobHandle) -> None:
        self._ending.ask(handle.job_id)

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        self._site.check_is_there(handle)
        bring_home(self._site, handle.job_id, destination)

    def cleanup(self, handle: JobHandle) -> None:
        key = handle.job_id
        batch = self._livy.find(key)
        if batch:
            self._ending.settle(handle, batch)
            self._livy.delete(int(batch["id"]))
        self._staging.delete(key)
        self._looks.forget(key)
        self._ending.forget(key)

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``."""
        return self._site.checked(handle, self._staging.growing(handle.job_id, "log").since(cursor))

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``."""
        return self._site.checked(handle, self._staging.growing(handle.job_id, "records").lines_since(cursor))

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all jobs that left a staging directory."""
        return [self._handle(key) for key in self._staging.keys() if not key.startswith(".")]  # noqa: SIM118

    def target_plan(self) -> JsonObject:
        """Return the cluster as it is asked for, without its passwords and keys."""
        return self._cluster.plan()

    def ensure_target(self) -> bool:
        """Go on creating the cluster; return whether it is ready."""
        return self._cluster.ensure()

    def delete_target(self) -> bool:
        """Go on deleting the cluster that this target created; return whether there is none of ours."""
        return self._cluster.delete()

    def check(self) -> str:
        running = sum(not has_ended(batch) for batch in self._livy.batches())
        self._staging.check()
        return f"Livy answers with {running} active batches, the staging directory can be written to"

    def close(self) -> None:
        self._site.close()

    @property
    def _livy(self) -> Livy:
        return self._site.livy

    @property
    def _staging(self) -> Staging:
        return self._site.staging

    @cached_property
    def _cluster(self) -> TargetCluster:
        return TargetCluster(self.target, self._config)

    def _handle(self, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key)
