"""Runs scripts as Spark drivers on this machine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from aml_backends.spark.address import endpoint, for_job, with_token
from aml_backends.spark.command import FILES, spark_submit, submit_command
from aml_backends.spark.config import SparkConfig
from aml_backends.spark.connect import end_session
from aml_backends.spark.master import check_master
from aml_backends.spark.session import check_client_run, has_session, leave_session, note_session
from aml_plugins.compute import JobHandle, JobPlan, JobSpec, JobState, JobStatus, TargetConfig
from aml_plugins.compute.detached import start_detached
from aml_plugins.compute.own_machine import OwnMachineBackend
from aml_plugins.compute.runner_bundle import runner_command
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.compute.runner_results import Result, with_log
from aml_plugins.compute.spark_log import SPARK_LOG, telling
from aml_plugins.compute.spark_section import check_spark_files, files_from_snapshot
from aml_plugins.errors import InvalidInputError, NotYetDoneError

__all__ = ["SparkBackend"]

ENDING_SECONDS = 20.0
"""How long Spark may take to write down its last events before it is killed."""
GONE_SECONDS = 2.0
"""How long no process of a job is seen before its spark-submit counts as ended: one may be just starting."""
PRINTED = "runner.log"
"""File of the job's directory: what spark-submit printed."""


class SparkBackend(OwnMachineBackend):
    """Has spark-submit start the runner, and the runner the script.

    So environment, log, time limit and the end of a job are those of every other target, and the script finds the
    gateway to Spark's Java process in its environment.

    With Spark Connect there is no Java process here: the script finds the server's address in ``SPARK_REMOTE``, with a
    session of its own. What the job leaves in that session is ended with the job's cleanup.
    """

    type_name: ClassVar[str] = "spark"
    config_model: ClassVar[type[TargetConfig]] = SparkConfig
    start_grace_seconds: ClassVar[float] = 300.0
    script_secrets: ClassVar[tuple[str, ...]] = ("token",)

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        plan = super().plan(spec, key)
        remote = self._remote(spec)
        return replace(plan, request={**plan.request, "remote": for_job(remote, key)}) if remote else plan

    def check(self) -> str:
        remote = self._spark.remote
        if remote:
            end_session(for_job(remote, f"check-{uuid.uuid4()}"), self._token(remote))
        else:
            check_master(self._spark.master)
        what = remote or f"{spark_submit(self._spark, self.target.name)} with master {self._spark.master}"
        return f"{what}; {super().check()}"

    def status(self, handle: JobHandle) -> JobStatus:
        """Spark's Java process outlives the runner by a moment: until it is gone, the job has not ended."""
        seen = super().status(handle)
        directory = self._directory(handle)
        if not seen.state.is_terminal or not directory.has_processes:
            return seen
        if self._sightings.seconds((directory.path, "ending")) > ENDING_SECONDS:
            directory.end_remnants()
        return JobStatus(state=JobState.RUNNING, native_state="ending", started_at=seen.started_at)

    def results(self, handle: JobHandle) -> Iterator[Result]:
        directory = self._directory(handle)
        printed = directory.path / PRINTED
        has_said = printed.is_file() and printed.stat().st_size and not has_session(directory)
        found = super().results(handle)
        return with_log(found, f"logs/{SPARK_LOG}", str(printed)) if has_said else found

    def cleanup(self, handle: JobHandle) -> None:
        directory = self._directory(handle)
        if directory.path.is_dir() and directory.has_ended and not directory.end_remnants():
            raise NotYetDoneError(f"The Spark of job '{handle.job_id}' is still ending.", "Clean up again later.")
        if has_session(directory):
            self._end(directory)  # before its session: else the script could begin something new
            waited = self._sightings.seconds((directory.path, "session"))
            leave_session(directory, self._token, waited)
        super().cleanup(handle)

    def _unstarted(self, directory: RunnerDirectory, seen: JobStatus) -> JobStatus:
        """Find out why spark-submit ended before there was a runner; looking for packages takes it a while."""
        printed = directory.path / PRINTED
        told = printed.read_text("utf-8", "replace") if printed.is_file() else ""
        if told and not directory.has_processes and self._sightings.seconds((directory.path, "gone")) > GONE_SECONDS:
            directory.close_unstarted(JobState.FAILED, f"Spark did not start the script. It said: {telling([told])}")
            return directory.status()
        return super()._unstarted(directory, seen)

    def _command(self, spec: JobSpec, directory: Path) -> Sequence[str]:
        if self._remote(spec):
            return runner_command(self._spark.python, directory / "runner.pyz", directory)
        return submit_command(spec, self._spark, spark_submit(self._spark, self.target.name), directory)

    def _start(self, spec: JobSpec, directory: Path, variables: Mapping[str, str]) -> None:
        self._place_files(spec, directory)
        own = {}
        remote = self._remote(spec)
        if remote:
            own["SPARK_REMOTE"] = with_token(note_session(remote, directory), self._token(remote))
        elif self._spark.master.startswith("local"):
            own["AML_PYTHON_VARIABLE"] = "PYSPARK_PYTHON"
        start_detached(self._command(spec, directory), directory, {**variables, **own})

    def _check(self, spec: JobSpec) -> None:
        super()._check(spec)
        check_spark_files(spec)
        if "SPARK_REMOTE" in spec.environment_variables:
            raise InvalidInputError(
                f"The compute target '{self.target.name}' sets SPARK_REMOTE itself, as does the run.",
                "Put the address into spark.remote of the run configuration, or into the target's 'remote'.",
            )
        if self._remote(spec):
            check_client_run(spec, self._remote(spec))
        if (spec.spark or {}).get("deploy_mode") == "cluster":
            raise InvalidInputError(
                f"The compute target '{self.target.name}' runs drivers on this machine, the run asks for deploy_mode "
                "'cluster'.",
                "Take spark.deploy_mode out of the run configuration, or choose a target of type hdinsight.",
            )

    @property
    def _spark(self) -> SparkConfig:
        assert isinstance(self.target.config, SparkConfig)  # noqa: S101  the core validated it against config_model
        return self.target.config

    def _remote(self, spec: JobSpec) -> str:
        """Return the server whose client the script is; none is an empty text."""
        return str((spec.spark or {}).get("remote") or self._spark.remote or "")

    def _token(self, remote: str) -> str | None:
        """Return the token for the target's own server. No other one gets it, whatever a run configuration names."""
        wanted, own = self._spark.token, self._spark.remote
        return self.target.secret(wanted) if wanted and own and endpoint(remote) == endpoint(own) else None

    def _place_files(self, spec: JobSpec, directory: Path) -> None:
        """Bring what Spark shall distribute out of the snapshot, which the runner unpacks only later."""
        for name, content in files_from_snapshot(spec, spec.bundle["snapshot.zip"]):
            target = directory / FILES / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
