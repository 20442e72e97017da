"""Runs jobs in containers on this machine's engine. The submitter may vanish at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from aml_backends.docker.config import DockerConfig
from aml_backends.docker.engine import Engine
from aml_backends.docker.images import PASSWORD, REQUEST, is_carried, preparing_status
from aml_backends.docker.observing import OUT_OF_MEMORY, dead_container_reason, explained
from aml_backends.docker.plan import ENVIRONMENTS, VARIABLES, image_of, job_request, labels_of
from aml_plugins.compute import (
    ComputeTarget,
    JobHandle,
    JobPlan,
    JobSpec,
    JobState,
    JobStatus,
    TargetConfig,
)
from aml_plugins.compute.detached import start_detached
from aml_plugins.compute.job_directories import JobDirectoriesBackend
from aml_plugins.compute.job_files import delete_directory, place_files
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
        self._place(spec, directory)
        if self._engine.has_image(options["image"]):
            self._engine.create(options)
            self._engine.start(key)
        elif not is_carried(directory):
            self._fetch_image(spec, options, directory)
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

    def _place(self, spec: JobSpec, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / "home").mkdir(exist_ok=True)
        self._environments(spec).mkdir(parents=True, exist_ok=True)
        _write(directory / VARIABLES, spec.environment_variables)
        _settle(spec.bundle["job.json"], directory / "job.json")
        place_files(spec.bundle, directory)

    def _fetch_image(self, spec: JobSpec, options: dict[str, Any], directory: Path) -> None:
        environment = spec.environment if spec.environment.get("kind") == "docker" else {}
        registry = environment.get("registry")
        registry = registry if isinstance(registry, dict) else {}
        login = {"username": registry["username"]} if registry.get("username") else None
        password = self.target.secret(str(registry["password"])) if registry.get("password") else ""
        request = {
            "engine": self._config.engine,
            "options": options,
            "dockerfile": environment.get("dockerfile"),
            "login": login,
        }
        _write(directory / REQUEST, request)
        # Not with -m and our own path: what is installed here is what the process has to find.
        command = [sys.executable, "-m", "aml_backends.docker.images", str(directory)]
        start_detached(command, directory, {PASSWORD: password, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})

    def _request(self, spec: JobSpec, key: str) -> dict[str, Any]:
        return job_request(self.target, spec, key, self._path(key), self._environments(spec))

    def _environments(self, spec: JobSpec) -> Path:
        """Return where environments live that are built in containers: each image has its own Python."""
        name = hashlib.sha256(image_of(spec, self._config).encode()).hexdigest()[:16]
        return (self.target.home / "environments" / name).absolute()

    def _check(self, spec: JobSpec) -> None:
        self._check_is_one_machine(spec)
        refuse_spark(spec, self.target.name)


def _settle(source: Path, target: Path) -> None:
    """Write the job's file with the place of built environments as the container has it."""
    if not target.exists():
        _write(target, {**json.loads(source.read_text(encoding="utf-8")), "cache": ENVIRONMENTS})


def _write(path: Path, value: Any) -> None:
    """Write a file that is ours alone, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file)
    part.replace(path)
