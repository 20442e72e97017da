"""Runs jobs as container groups: one a run, named by its submission key, deleted when its results are home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from aml_backends.aci.api import AciApi, RefusedError
from aml_backends.aci.config import AciConfig
from aml_backends.aci.looks import Looks
from aml_backends.aci.plan import CONTAINER, group_body, tags_of
from aml_backends.aci.site import CANCELLED, Site, missing_group
from aml_backends.aci.states import status_of
from aml_backends.aci.submitting import submit_once
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
from aml_plugins.compute.refusing import refuse_dockerfile, refuse_several_nodes, refuse_spark
from aml_plugins.errors import JobNotFoundError, NotYetDoneError, TransientBackendError

if TYPE_CHECKING:
    from aml_plugins.compute import JsonObject
    from aml_plugins.compute.looking import Seen
    from aml_plugins.compute.staging import Staging

__all__ = ["AciBackend"]

CHUNK_BYTES = 1 << 20


class AciBackend(ComputeBackend):
    """A ``PUT`` of a group that is there restarts its container: so there is one only by whoever claims the job."""

    type_name: ClassVar[str] = "aci"
    config_model: ClassVar[type[TargetConfig]] = AciConfig

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        self._site = Site(target, self.settings)
        self._looks = Looks(self._site)
        self._live = LiveRecords()

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec, key)
        request: JsonObject = group_body(self.settings, spec, key, self.target.name, None)
        return JobPlan(backend=self.type_name, request=request)

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec, key)
        submit_once(self._site, spec, key)
        return self._handle(key)

    def find(self, key: str) -> JobHandle | None:
        check_resource_name(key)
        return self._handle(key) if self._site.has(key) else None

    def status(self, handle: JobHandle) -> JobStatus:
        return self._looks.status(handle)

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, Seen]:
        return self._looks.statuses(list(handles))

    def cancel(self, handle: JobHandle) -> None:
        group = self.api.get_group(handle.job_id)
        if group is None or status_of(group, lambda: None).state.is_terminal:
            return
        self._staging(handle.job_id).mark(CANCELLED)
        try:
            self.api.stop_group(handle.job_id)
        except TransientBackendError:  # a group that is still being made cannot be stopped, but it can be deleted
            self.api.delete_group(handle.job_id)
        except RefusedError as error:
            if not error.is_missing:
                raise

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        if not self._staging(handle.job_id).take_results(destination):
            self.status(handle)
            self._take_log(handle, destination)

    def cleanup(self, handle: JobHandle) -> None:
        self._looks.forget(handle.job_id)
        self.api.delete_group(handle.job_id)
        if self.api.get_group(handle.job_id) is not None:
            raise NotYetDoneError(f"Azure is deleting the container group '{handle.job_id}'.", "Clean up again later.")
        self._staging(handle.job_id).forget()

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``: the container's while it runs, what it sent home afterwards."""
        first = int(cursor or 0)
        whole = self._staging(handle.job_id).log()
        if whole is None:
            whole = self._container_log(handle)
        data = whole[first : first + CHUNK_BYTES]
        return LogChunk(data, str(first + len(data)))

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``, as far as they were sent."""
        return self._live.read(handle.job_id, cursor, self._staging(handle.job_id).records)

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of this target's container groups."""
        ours = tags_of(self.target.workspace, self.target.name).items()
        return [
            self._handle(str(group["name"]))
            for group in self.api.list_groups()
            if ours <= (group.get("tags") or {}).items() and is_resource_name(str(group["name"]))
        ]

    def check(self) -> str:
        count = sum(1 for _ in self.api.list_groups())
        return f"resource group '{self.settings.resource_group}' answers: {count} container groups"

    def close(self) -> None:
        self._site.close()

    @property
    def settings(self) -> AciConfig:
        """The target's settings."""
        assert isinstance(self.target.config, AciConfig)  # noqa: S101  the core validated it
        return self.target.config

    @property
    def api(self) -> AciApi:
        """The resource group's container groups; services live there, too."""
        return self._site.api

    def _staging(self, key: str) -> Staging:
        return self._site.staging(key)

    def _handle(self, key: str) -> JobHandle:
        config = self.settings
        data = {"subscription": config.subscription, "resource_group": config.resource_group}
        return JobHandle(self.type_name, self.target.name, key, data)

    def _container_log(self, handle: JobHandle) -> bytes:
        try:
            return self.api.logs(handle.job_id, CONTAINER).encode()
        except RefusedError as error:
            if error.is_missing:
                raise missing_group(handle) from None
            raise

    def _take_log(self, handle: JobHandle, destination: Path) -> None:
        """A container that was killed sent nothing; its last words are better than none."""
        try:
            log = self._container_log(handle)
        except JobNotFoundError:
            return
        (destination / "logs").mkdir(exist_ok=True)
        (destination / "logs" / "std_log.txt").write_bytes(log)

    def _check(self, spec: JobSpec, key: str) -> None:
        check_resource_name(key)
        name = self.target.name
        refuse_several_nodes(spec, f"A run on compute target '{name}' has one container, this one")
        refuse_spark(spec, name)
        refuse_dockerfile(spec, name)
