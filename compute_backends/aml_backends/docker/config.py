"""Settings of a compute target of type ``docker``."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, field_validator

from aml_plugins.compute import TargetConfig

__all__ = ["DockerConfig"]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class DockerConfig(TargetConfig):
    """Everything has a default: the engine of this machine, and Python's own image.

    :param max_parallel_runs: by default as many as there are processors.
    """

    max_parallel_runs: int | None = Field(default_factory=_processors, ge=1)
    image: str = Field(
        "python:3.12-slim", min_length=1, description="Image of runs whose environment is not of kind docker."
    )
    python: str = Field("python3", min_length=1, description="The Python of the runner in images, 3.8 or newer.")
    engine: str | None = Field(
        None, pattern=r"^unix:///.+$", description="unix:///PATH of the engine's socket; DOCKER_HOST by default."
    )
    network: str = Field("bridge", pattern=r"^[\w.-]+$", description="Network of containers: bridge, host, none, …")
    directory: Path | None = Field(
        None, description="Absolute path of the directory for jobs; below the home directory by default."
    )

    @field_validator("directory")
    @classmethod
    def _is_absolute(cls, value: Path | None) -> Path | None:
        """Each driver of a run may have another working directory."""
        if value is not None and not value.is_absolute():
            raise ValueError("must be an absolute path")
        return value
