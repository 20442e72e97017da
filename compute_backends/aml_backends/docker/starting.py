"""A job's directory before its container, and the process that brings the image and then starts the container."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from aml_backends.docker.images import PASSWORD, REQUEST
from aml_backends.docker.plan import ENVIRONMENTS, VARIABLES
from aml_plugins.compute import JobSpec
from aml_plugins.compute.detached import start_detached
from aml_plugins.compute.image_registry import registry_of
from aml_plugins.compute.job_files import place_files

__all__ = ["fetch_and_start", "place_job"]


def place_job(spec: JobSpec, directory: Path) -> None:
    """Fill the job's directory, which the container will have; what is there already stays."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / "home").mkdir(exist_ok=True)
    _write(directory / VARIABLES, spec.environment_variables)
    _settle(spec.bundle["job.json"], directory / "job.json")
    place_files(spec.bundle, directory)


def fetch_and_start(spec: JobSpec, engine: str | None, options: dict[str, Any], directory: Path, password: str) -> None:
    """Have a process of its own bring the image and start the container, and return.

    :param engine: address of the engine.
    :param options: of the container.
    :param password: for the image's registry; it is in no file and no command.
    """
    environment = spec.environment if spec.environment.get("kind") == "docker" else {}
    user = registry_of(spec).get("username")
    request = {
        "engine": engine,
        "options": options,
        "dockerfile": environment.get("dockerfile"),
        "login": {"username": user} if user else None,
    }
    _write(directory / REQUEST, request)
    # Not with -m and our own path: what is installed here is what the process has to find.
    command = [sys.executable, "-m", "aml_backends.docker.images", str(directory)]
    start_detached(command, directory, {PASSWORD: password, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})


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
