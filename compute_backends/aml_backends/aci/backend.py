"""Runs jobs as container groups: one a run, named by its submission key, deleted when its results are home."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from aml_backends.aci.api import AciApi, RefusedError
from aml_backends.aci.config import AciConfig
from aml_backends.aci.plan import CONTAINER, HIDDEN, Secrets, group_body, tags_of
from aml_backends.aci.states import status_of
from aml_plugins.compute import ComputeBackend, JobHandle, JobPlan, JobSpec, JobState, JobStatus, LogChunk, TargetConfig
from aml_plugins.compute.job_names import check_resource_name, is_resource_name
from aml_plugins.compute.live_records import LiveRecords
from aml_plugins.compute.looking import missing_job, seen_by
from aml_plugins.compute.refusing import refuse_dockerfile, refuse_several_nodes, refuse_spark
from aml_plugins.compute.staging import STATUS, Staging, environment_inside
from aml_plugins.compute.turns import NOT_ASKED, Turns
from aml_plugins.errors import JobNotFoundError, NotYetDoneError, TransientBackendError

if TYPE_CHECKING:
    from aml_plugins.compute import JsonObject

__all__ = ["AciBackend"]

CHUNK_BYTES = 1 << 20
FEW = 5
"""So many groups are asked for one by one; with more, one list says which of them are worth a question."""
LOOK_AGAIN_SECONDS = 60.0
"""A container that runs and has sent nothing is looked at again after so long: it may have died without a word."""
SUBMITTER_SECONDS = 10.0
CANCELLED = "cancelled"
SUBMITTED = "submitted"


class AciBackend(ComputeBackend):
    """A ``PUT`` of a group that is there restarts its container: so there is one only by whoever claims the job."""

    type_name: ClassVar[str] = "aci"
    config_model: ClassVar[type[TargetConfig]] = AciConfig

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._opened: AciApi | None = None
        self._live = LiveRecords()
        self._turns: Turns[JobStatus] = Turns()

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec, key)
        request: JsonObject = group_body(self.settings, spec, key, self.target.name, None)
        return JobPlan(backend=self.type_name, request=request)

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec, key)
        staging = self._staging(key)
        with ThreadPoolExecutor(1, thread_name_prefix="aml-aci") as pool:  # Azure Resource Manager takes its time
            bringing = pool.submit(self._bring, spec, staging)
            is_there = self._exists(key, staging) or (not staging.claim(SUBMITTED) and self._appears(key, staging))
        if is_there:
            return self._handle(key)
        try:
            self._create(spec, key, staging, bringing.result())
        except RefusedError:
            staging.forget()
            raise
        except Exception:  # the next try must not take this one for a submitter that is still at work
            staging.unmark(SUBMITTED)
            raise
        return self._handle(key)

    def find(self, key: str) -> JobHandle | None:
        check_resource_name(key)
        return self._handle(key) if self._exists(key, self._staging(key)) else None

    def status(self, handle: JobHandle) -> JobStatus:
        group = self.api.get_group(handle.job_id)
        staging = self._staging(handle.job_id)
        if group is None:
            if staging.is_marked(CANCELLED):
                return JobStatus(state=JobState.CANCELLED, native_state="deleted")
            raise _missing(handle)
        seen = status_of(group, staging.status)
        if seen.state is JobState.FAILED and staging.is_marked(CANCELLED):
            return JobStatus(
                state=JobState.CANCELLED, native_state=seen.native_state, exit_code=seen.exit_code,
                started_at=seen.started_at, finished_at=seen.finished_at,
            )  # fmt: skip
        return seen

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, JobStatus | Exception]:
        """Two lists, and a question each about those with news, and about a few of the others in turn."""
        wanted = list(handles)
        if len(wanted) <= FEW:
            return super().statuses(wanted)
        there = {str(group["name"]) for group in self.api.list_groups()}
        files = self._keys_with_files(wanted)
        quiet = {one.job_id for one in wanted if one.job_id in there and STATUS not in files[one.job_id]}
        resting = quiet - self._turns.take(quiet)
        last = self._turns.last(resting)
        found: dict[JobHandle, JobStatus | Exception] = {}
        busy: TransientBackendError | None = None
        for handle in wanted:
            key = handle.job_id
            if key not in there and not files[key]:
                found[handle] = _missing(handle)
            elif key in resting:
                found[handle] = last.get(key, NOT_ASKED)
            else:
                found[handle] = busy or self._look_at(handle)
                # Who is told to wait does not go on asking about the others.
                busy = _as_busy(found[handle])
        return found

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
            if error.reason not in {"ResourceNotFound", "ContainerGroupNotFound"}:
                raise

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        if not self._staging(handle.job_id).take_results(destination):
            self.status(handle)
            self._take_log(handle, destination)

    def cleanup(self, handle: JobHandle) -> None:
        self._turns.forget(handle.job_id)
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
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def settings(self) -> AciConfig:
        """The target's settings."""
        assert isinstance(self.target.config, AciConfig)  # noqa: S101  the core validated it
        return self.target.config

    @property
    def api(self) -> AciApi:
        """The resource group's container groups; services live there, too."""
        if self._opened is None:
            from aml_backends.aci.sdk import SdkAciApi  # noqa: PLC0415  Azure's SDK is heavy

            self._opened = SdkAciApi(self.settings)
        return self._opened

    def _staging(self, key: str) -> Staging:
        return Staging(self.target, self.settings.datastore, key)

    def _handle(self, key: str) -> JobHandle:
        config = self.settings
        data = {"subscription": config.subscription, "resource_group": config.resource_group}
        return JobHandle(self.type_name, self.target.name, key, data)

    def _bring(self, spec: JobSpec, staging: Staging) -> Mapping[str, str]:
        return staging.bring(spec.bundle, cache=None, environment=environment_inside(spec.environment))

    def _create(self, spec: JobSpec, key: str, staging: Staging, files: Mapping[str, str]) -> None:
        orders = {"fetch": files, "deliver": staging.delivery_urls(), "live": staging.live_url(), "echo": True}
        secrets = Secrets(orders, self._registry_password(spec))
        self.api.put_group(key, group_body(self.settings, spec, key, self.target.name, secrets))

    def _exists(self, key: str, staging: Staging) -> bool:
        """Say whether the job was submitted; one that was cancelled is not started again."""
        return self.api.get_group(key) is not None or staging.is_marked(CANCELLED)

    def _appears(self, key: str, staging: Staging) -> bool:
        """Wait a little for another submitter; one that takes longer was killed, and the job is ours to submit."""
        until = time.monotonic() + SUBMITTER_SECONDS
        while time.monotonic() < until:
            if self._exists(key, staging):
                return True
            time.sleep(0.2)
        return False

    def _registry_password(self, spec: JobSpec) -> str:
        own = spec.environment.get("registry")
        reference = own.get("password") if isinstance(own, Mapping) else None
        reference = reference or self.settings.registry_password
        return self.target.secret(str(reference)) if reference else HIDDEN

    def _keys_with_files(self, handles: Collection[JobHandle]) -> Mapping[str, frozenset[str]]:
        """Return which files the jobs have in the datastore: one list for all of them."""
        found: dict[str, set[str]] = {handle.job_id: set() for handle in handles}
        for key, name in self._staging("").listed():
            if key in found:
                found[key].add(name)
        return {key: frozenset(names) for key, names in found.items()}

    def _look_at(self, handle: JobHandle) -> JobStatus | Exception:
        seen = seen_by(partial(self.status, handle))
        if isinstance(seen, JobStatus):
            self._turns.looked(handle.job_id, seen, LOOK_AGAIN_SECONDS if seen.state is JobState.RUNNING else 0.0)
        return seen

    def _container_log(self, handle: JobHandle) -> bytes:
        try:
            return self.api.logs(handle.job_id, CONTAINER).encode()
        except RefusedError as error:
            if error.reason in {"ResourceNotFound", "ContainerGroupNotFound"}:
                raise _missing(handle) from None
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


def _missing(handle: JobHandle) -> JobNotFoundError:
    return missing_job(handle, "deleted on Azure", "container group")


def _as_busy(seen: JobStatus | Exception) -> TransientBackendError | None:
    return seen if isinstance(seen, TransientBackendError) and seen.retry_after is not None else None
