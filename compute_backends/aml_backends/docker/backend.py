"""Runs jobs in containers on this machine's engine. The submitter may vanish at any moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from aml_backends.docker.config import DockerConfig
from aml_backends.docker.engine import Engine
from aml_backends.docker.images import is_carried, preparing_status
from aml_backends.docker.observing import OUT_OF_MEMORY, dead_container_reason, explained
from aml_backends.docker.plan import image_of, job_request, labels_of
from aml_backends.docker.starting import fetch_and_start, place_job
from aml_plugins.compute import (
    ComputeTarget,
    JobHandle,
    JobPlan,
    JobSpec,
    JobState,
    JobStatus,
    TargetConfig,
)
from aml_plugins.compute.image_registry import registry_password
from aml_plugins.compute.job_directories import JobDirectoriesBackend
from aml_plugins.compute.job_files import delete_directory
from aml_plugins.compute.looking import seen_by, status_in
from aml_plugins.compute.refusing import refuse_spark
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.compute.sightings import Sightings
from aml_plugins.errors import InvalidInputError, JobNotFoundError, NotYetDoneError

__all__ = ["DockerBackend"]

START_GRACE_SECONDS = 60.0
CANCELLED = "Canceled before the container started."
NEVER_STARTED = "The container did not start: its submitter was killed, or this machine was restarted."


class DockerBackend(JobDirectoriesBackend):
    """Each job is a container and a directory, both named after the submission key; the directory is mounted there."""

    type_name: ClassVar[str] = "docker"
    config_model: ClassVar[type[TargetConfig]] = DockerConfig

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        assert isinstance(target.config, DockerConfig)  # noqa: S101  the core validated it against config_model
        self._config = target.config
        self._engine = Engine(self._config.engine)
        self._sightings = Sightings()

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        self._check(spec)
        options = self._request(spec, key)
        return JobPlan(
            backend=self.type_name,
            request={
                "container": options,
                "files": sorted(spec.bundle),
                "environment_variables": dict.fromkeys(sorted(spec.environment_variables), "***"),
            },
        )

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        self._check(spec)
        options = self._request(spec, key)
        directory = self._path(key)
        job = RunnerDirectory(directory)
        if job.is_started:
            return self._handle(key)
        self._environments(spec).mkdir(parents=True, exist_ok=True)
        place_job(spec, directory)
        if self._engine.has_image(options["image"]):
            self._engine.create(options)
            self._engine.start(key)
        elif not is_carried(directory):
            password = registry_password(spec, self.target.secret) or ""
            fetch_and_start(spec, self._config.engine, options, directory, password)
        return self._handle(key)

    def status(self, handle: JobHandle) -> JobStatus:
        return status_in(self.statuses([handle]), handle)

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, JobStatus | Exception]:
        handles = list(handles)
        states = self._engine.states(labels_of(self.target)) if handles else {}
        return {handle: seen_by(partial(self._status, handle, states.get(handle.job_id))) for handle in handles}

    def cancel(self, handle: JobHandle) -> None:
        job = self._directory(handle)
        try:
            if job.has_ended:
                return
            job.ask_to_end()
            if job.status().state is JobState.RUNNING:  # before its first word, a signal would kill the runner
                self._engine.signal(handle.job_id, "SIGTERM")
            elif not is_carried(job.path) and not self._engine.state(handle.job_id):
                job.close_unstarted(JobState.CANCELLED, CANCELLED)
        except (FileNotFoundError, JobNotFoundError):
            return

    def cleanup(self, handle: JobHandle) -> None:
        job = self._directory(handle)
        if job.path.is_dir() and not job.has_ended:
            job.ask_to_end()
            if is_carried(job.path):
                raise NotYetDoneError(f"The image of job '{job.path.name}' is being prepared.", "Clean up again later.")
            job.close_unstarted(JobState.CANCELLED, "Cleaned up before the container started.")
        self._engine.remove(handle.job_id)
        delete_directory(job.path)

    def list_jobs(self) -> Iterable[JobHandle]:
        """Return the handles of all jobs: of their containers, and of their directories where those are gone."""
        names = self._names() | set(self._engine.states(labels_of(self.target)))
        return [self._handle(name) for name in sorted(names)]

    def check(self) -> str:
        image = "is there" if self._engine.has_image(self._config.image) else "will be pulled"
        version, runs = self._engine.version(), self._config.max_parallel_runs
        if self._config.network != "default" and not self._engine.has_network(self._config.network):
            raise InvalidInputError(
                f"The container engine has no network '{self._config.network}'.",
                "Set the target's 'network' to one of: docker network ls",
            )
        return f"Docker {version}, {runs} runs at a time, {self._config.image} {image}"

    def close(self) -> None:
        self._engine.close()

    def _status(self, handle: JobHandle, container: str | None) -> JobStatus:
        job = self._directory(handle)
        seen = job.status()
        if seen.state.is_terminal:
            return explained(seen, lambda: self._engine.state(handle.job_id))
        if container in {"running", "paused", "restarting"}:
            return seen
        if job.is_started:  # its runner is dead, or says its last word right now
            reason = dead_container_reason(self._engine.state(handle.job_id))
            return job.status() if job.bury(reason, lost=reason != OUT_OF_MEMORY) else seen
        return self._unstarted(job, seen, is_over=container in {"exited", "dead"})

    def _unstarted(self, job: RunnerDirectory, seen: JobStatus, *, is_over: bool) -> JobStatus:
        """Give up on a runner only so that it can never come back."""
        if is_carried(job.path):
            return preparing_status(job.path) or seen
        if job.is_asked_to_end:
            job.close_unstarted(JobState.CANCELLED, CANCELLED)
        elif is_over:
            said = self._engine.output(job.path.name) or "it said nothing"
            job.close_unstarted(JobState.FAILED, f"The runner cannot start in the container: {said}.")
        elif self._sightings.seconds(job.path) > START_GRACE_SECONDS:
            job.close_unstarted(JobState.FAILED, NEVER_STARTED)
        return job.status()

    def _request(self, spec: JobSpec, key: str) -> dict[str, Any]:
        return job_request(self.target, spec, key, self._path(key), self._environments(spec))

    def _environments(self, spec: JobSpec) -> Path:
        """Return where environments live that are built in containers: each image has its own Python."""
        name = hashlib.sha256(image_of(spec, self._config).encode()).hexdigest()[:16]
        return (self.target.home / "environments" / name).absolute()

    def _check(self, spec: JobSpec) -> None:
        self._check_is_one_machine(spec)
        refuse_spark(spec, self.target.name)
