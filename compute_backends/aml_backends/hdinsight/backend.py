"""Runs scripts as Spark drivers through Apache Livy."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from aml_backends.azure.resources import ResourceId, has_marks, marks
from aml_backends.hdinsight.config import RESOURCE_TYPE, HDInsightConfig
from aml_backends.hdinsight.creation import HIDDEN, HDInsightCreation, cluster_body, storage_account
from aml_backends.hdinsight.livy import Livy
from aml_backends.hdinsight.plan import batch_request, check_spec
from aml_backends.hdinsight.sealing import seal, sealed_name
from aml_backends.hdinsight.staging import Staging
from aml_backends.hdinsight.states import ENDED, application_link, job_status
from aml_plugins.compute import ComputeBackend, JobHandle, JobPlan, JobSpec, JobState, JobStatus, LogChunk, TargetConfig
from aml_plugins.compute.job_names import check_directory_name
from aml_plugins.compute.looking import missing_job, seen_by
from aml_plugins.compute.sightings import Sightings
from aml_plugins.compute.spark_log import SPARK_LOG
from aml_plugins.compute.spark_section import files_from_snapshot, paths_in_snapshot
from aml_plugins.compute.staging import unpack_results
from aml_plugins.compute.turns import Turns
from aml_plugins.errors import (
    AlreadyExistsError,
    BackendError,
    InvalidInputError,
    JobNotFoundError,
    NotYetDoneError,
)

if TYPE_CHECKING:
    from aml_backends.hdinsight.provisioning import AzureCluster
    from aml_plugins.compute import JsonObject

__all__ = ["HDInsightBackend"]

FEW = 5
"""Of so many jobs, all that runners say is read in every round."""
GRACE_SECONDS = 60.0
"""How long an agent that was asked to end may take before Livy is asked to kill its application."""

LOOK_AGAIN_SECONDS = 60.0
"""What the runner of a batch that Livy calls running last said is read again after so long."""
SPARK_LOG_LINES = 1000
"""So much is brought home of what Livy keeps of the log of spark-submit, and of what YARN says."""
NOT_ASKED = JobStatus(state=JobState.UNKNOWN, native_state="not asked yet")
_ENDED_BADLY = frozenset({"Failed", "Canceled"})
_FORFEITED = b"Livy lost the batch"
_AGENT = Path(__file__).with_name("agent.py")


class HDInsightBackend(ComputeBackend):
    """Each job is a batch named after its submission key, and a staging directory of that name.

    Livy refuses a second batch of one name, which makes submission safe to repeat; after Livy has forgotten a batch,
    the agent's claim in the staging directory says that the job was run.
    """

    type_name: ClassVar[str] = "hdinsight"
    config_model: ClassVar[type[TargetConfig]] = HDInsightConfig

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
            self._stage(spec, key)
            sealing_key, sealed = seal(spec.environment_variables)
            self._staging.write(key, sealed_name(sealing_key), sealed)
            self._livy.create(batch_request(spec, self._config, key, self._staging.url_of(key), sealing_key))
        return self._handle(key)

    def find(self, key: str) -> JobHandle | None:
        check_directory_name(key)
        return self._handle(key) if self._is_known(key) else None

    def status(self, handle: JobHandle) -> JobStatus:
        batch = self._livy.find(handle.job_id)
        return self._status(handle, batch, self._staging.statuses([handle.job_id])[handle.job_id])

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, JobStatus | Exception]:
        """One list of Livy's; read is what runners said whose batch is over, and of the others a few in turn."""
        wanted = {handle.job_id: handle for handle in handles}
        batches = {str(batch.get("name")): batch for batch in self._livy.batches()}
        said = self._last_words(wanted, {key for key, batch in batches.items() if batch.get("state") not in ENDED})
        found: dict[JobHandle, JobStatus | Exception] = {}
        for key, handle in wanted.items():
            if key not in said:
                found[handle] = NOT_ASKED
                continue
            found[handle] = seen_by(partial(self._status, handle, batches.get(key), said[key]))
        return found

    def cancel(self, handle: JobHandle) -> None:
        """Ask the agent; where there is none, or none that listens, have Livy kill the application."""
        key = handle.job_id
        batch = self._livy.find(key)
        if not self._staging.exists(key):
            return
        if not self._staging.exists(key, "cancel"):
            self._staging.write(key, "cancel", b"asked")
        if batch and (not self._staging.exists(key, "claim") or self._has_waited(key)):
            self._livy.delete(int(batch["id"]))

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        if not self._staging.exists(handle.job_id):
            raise self._missing(handle)
        with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".results-") as directory:
            archive = Path(directory) / "results.tar"
            if self._staging.get(handle.job_id, "results.tar", archive):
                unpack_results(archive, destination)
        log = destination / "logs" / "std_log.txt"
        if not log.is_file():
            log.parent.mkdir(exist_ok=True)
            self._collect(handle, "log", log)
            self._collect(handle, "records", destination / "records.jsonl")
        self._collect_spark_log(handle, log.with_name(SPARK_LOG))

    def cleanup(self, handle: JobHandle) -> None:
        key = handle.job_id
        batch = self._livy.find(key)
        if batch and batch.get("state") not in ENDED and self._staging.exists(key, "claim"):
            self._end(handle, batch)
        if batch:
            self._livy.delete(int(batch["id"]))
        self._staging.delete(key)
        self._turns.forget(key)
        self._said.pop(key, None)
        self._sightings.forget(key)
        self._sightings.forget((key, "cancel"))

    def logs(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``."""
        return self._chunk(handle, "log", cursor)

    def records(self, handle: JobHandle, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``."""
        chunk = self._chunk(handle, "records", cursor)
        return _whole_lines(self._staging, handle.job_id, cursor, chunk)

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all jobs that left a staging directory."""
        return [self._handle(key) for key in self._staging.keys() if not key.startswith(".")]  # noqa: SIM118

    def target_plan(self) -> JsonObject:
        """Return the cluster as it is asked for, without its passwords and keys."""
        wanted = self._creation()
        return cluster_body(wanted, marks(*self._name), (self._config.user, HIDDEN), self._storage(HIDDEN))

    def ensure_target(self) -> bool:
        """Go on creating the cluster; return whether it is ready."""
        azure, found = self._azure, self._azure.look()
        if found is None:
            azure.create(self._whole_request())
            return False
        if not has_marks(found["tags"], *self._name):
            raise AlreadyExistsError(
                f"There is a cluster {self._config.resource_id} already, which '{self.target.name}' did not create.",
                "Attach it, or choose another name for the cluster.",
            )
        if found["state"] in _ENDED_BADLY:
            said = " ".join(found["errors"]) or "Azure does not say why."
            raise BackendError(f"Azure could not create the cluster: {said}", "Look at its activity log in the portal.")
        return bool(found["state"] == "Succeeded")

    def delete_target(self) -> bool:
        """Go on deleting the cluster that this target created; return whether there is none of ours."""
        found = self._azure.look()
        if found is None or not has_marks(found["tags"], *self._name):
            return True
        if found["state"] != "Deleting":
            self._azure.delete()
        return False

    def check(self) -> str:
        running = sum(1 for batch in self._livy.batches() if batch.get("state") not in ENDED)
        self._staging.check()
        return f"Livy answers with {running} active batches, the staging directory can be written to"

    def close(self) -> None:
        if "_livy" in self.__dict__:
            self._livy.close()
            del self.__dict__["_livy"]

    @property
    def _config(self) -> HDInsightConfig:
        assert isinstance(self.target.config, HDInsightConfig)  # noqa: S101  the core validated it against config_model
        return self.target.config

    @property
    def _name(self) -> tuple[str, str]:
        return self.target.workspace, self.target.name

    def _creation(self) -> HDInsightCreation:
        config = self._config
        if config.resource_id is None or config.create is None:
            raise InvalidInputError(
                f"The settings of '{self.target.name}' do not say what cluster to create.",
                "Give its resource_id, its location, and its ssh_public_key.",
            )
        return config.create

    def _whole_request(self) -> JsonObject:
        """Return the request with what a plan hides."""
        wanted, config, secret = self._creation(), self._config, self.target.secret
        storage = self._storage(secret(config.storage_options.get("account_key", "")))
        password = secret(wanted.ssh_password) if wanted.ssh_password else None
        return cluster_body(wanted, marks(*self._name), (config.user, secret(config.password or "")), storage, password)

    def _storage(self, key: str) -> JsonObject:
        """Return the cluster's storage.

        :raises InvalidInputError: where the settings do not name all of it.
        """
        found = storage_account(self._config.staging, key)
        if found is None or "account_key" not in self._config.storage_options or self._config.password is None:
            raise InvalidInputError(
                f"A cluster for '{self.target.name}' needs a storage account and a password for its gateway.",
                "Set staging to abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER; account_key in storage_options, "
                "and password, to secret:// references.",
            )
        return found

    @cached_property
    def _azure(self) -> AzureCluster:
        from aml_backends.hdinsight.provisioning import AzureCluster  # noqa: PLC0415  a cloud SDK

        place = ResourceId.parse(self._config.resource_id or "", RESOURCE_TYPE)
        return AzureCluster(place, self._config.endpoint, self._config.authority)

    @cached_property
    def _livy(self) -> Livy:
        config = self._config
        auth = (config.user, self.target.secret(config.password)) if config.password else None
        return Livy(config.livy, auth=auth, timeout=config.timeout_seconds, ca_file=config.ca_file)

    @cached_property
    def _staging(self) -> Staging:
        options = {name: self.target.secret(value) for name, value in self._config.storage_options.items()}
        return Staging(self._config.staging, options)

    @cached_property
    def _turns(self) -> Turns:
        return Turns()

    @cached_property
    def _sightings(self) -> Sightings:
        return Sightings()

    @cached_property
    def _said(self) -> dict[str, Mapping[str, Any] | None]:
        return {}

    def _last_words(self, keys: Collection[str], running: Collection[str]) -> Mapping[str, Mapping[str, Any] | None]:
        """Return what the runners last said, as far as anybody read it.

        :param running: the batches that Livy says are not over: their runners have little news.
        """
        quiet = [key for key in keys if key in running]
        read = set(keys).difference(quiet) | self._turns.take(quiet)
        for key, said in self._staging.statuses(read).items():
            self._said[key] = said
            is_running = said is not None and said.get("state") == "running"
            self._turns.looked(key, LOOK_AGAIN_SECONDS if is_running and len(keys) > FEW else 0.0)
        return {key: self._said[key] for key in keys if key in self._said}

    def _handle(self, key: str) -> JobHandle:
        return JobHandle(self.type_name, self.target.name, key)

    def _missing(self, handle: JobHandle) -> JobNotFoundError:
        return missing_job(handle, "its staging directory was deleted")

    def _is_known(self, key: str) -> bool:
        """Say whether there is a batch, there was one that got as far as its claim, or none is wanted any more."""
        return self._livy.find(key) is not None or any(self._staging.exists(key, name) for name in ("claim", "cancel"))

    def _status(self, handle: JobHandle, batch: Mapping[str, Any] | None, said: Mapping[str, Any] | None) -> JobStatus:
        key, asked, has_begun = handle.job_id, False, said is not None
        if batch is None and said is None:
            batch = self._livy.find(key)  # a list may miss one, while another before it ends
            if batch is None:
                has_begun = self._has_begun(handle)
        if batch is None or batch.get("state") in ENDED:
            asked = self._staging.exists(key, "cancel")
        if batch and said is None and batch.get("state") in ENDED:
            batch = {**batch, "log": self._livy.log(int(batch["id"]), SPARK_LOG_LINES)}
        silent = self._sightings.seconds(key, (said or {}).get("heartbeat"))
        status = job_status(batch, said, asked_to_end=asked, silent_seconds=silent, has_begun=has_begun)
        if status.state.is_terminal:  # Spark's page is gone, or about to go
            return status
        return replace(status, link=application_link(batch, self._config.livy))

    def _has_begun(self, handle: JobHandle) -> bool:
        """Say whether an agent has taken a job that Livy has lost. Where none has, none can from now on."""
        if not self._staging.exists(handle.job_id):
            raise self._missing(handle)
        return not self._staging.claim(handle.job_id, _FORFEITED)

    def _chunk(self, handle: JobHandle, folder: str, cursor: str) -> LogChunk:
        chunk = self._staging.chunk(handle.job_id, folder, cursor)
        if not chunk.data and not self._staging.exists(handle.job_id):
            raise self._missing(handle)
        return chunk

    def _end(self, handle: JobHandle, batch: Mapping[str, Any]) -> None:
        """Let Spark end by itself what the script has ended: YARN's history calls the rest killed.

        A script that runs is ended first, by the agent, with all that it started.
        """
        key = handle.job_id
        status = self._status(handle, batch, self._staging.statuses([key])[key])
        if not status.state.is_terminal and not self._staging.exists(key, "cancel"):
            self._staging.write(key, "cancel", b"asked")
        if status.state is not JobState.CANCELLED and not self._has_waited(key):
            raise NotYetDoneError(f"The job '{key}' is still ending on the cluster.", "Clean up again later.")

    def _has_waited(self, key: str) -> bool:
        """Both who cancels and who cleans up ask again: the span is counted between their looks."""
        return self._sightings.seconds((key, "cancel")) > GRACE_SECONDS

    def _stage(self, spec: JobSpec, key: str) -> None:
        for name, local in spec.bundle.items():
            self._staging.put(key, f"bundle/{name}", local)
        self._stage_files(spec, key)
        self._staging.put(key, "agent.py", _AGENT)

    def _stage_files(self, spec: JobSpec, key: str) -> None:
        for name, content in files_from_snapshot(spec, spec.bundle["snapshot.zip"]):
            self._staging.write(key, f"bundle/files/{name}", content)

    def _collect_spark_log(self, handle: JobHandle, target: Path) -> None:
        batch = self._livy.find(handle.job_id)
        lines = self._livy.log(int(batch["id"]), SPARK_LOG_LINES) if batch else []
        if lines:
            target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _collect(self, handle: JobHandle, folder: str, target: Path) -> None:
        """Put a file together from the pieces that came before the job died."""
        cursor, data = "", b""
        with target.open("wb") as file:
            while True:
                chunk = self._staging.chunk(handle.job_id, folder, cursor)
                if not chunk.data:
                    break
                data, cursor = chunk.data, chunk.cursor
                file.write(data)


def _whole_lines(staging: Staging, key: str, cursor: str, chunk: LogChunk) -> LogChunk:
    """Cut what was read after its last line end: the next look begins there."""
    whole = chunk.data.rfind(b"\n") + 1
    if whole == len(chunk.data):
        return chunk
    return LogChunk(chunk.data[:whole], staging.cursor_at(key, "records", cursor, whole))
