"""Settings of a compute target of type ``docker``."""

from __future__ import annotations

from pydantic import Field

from aml_plugins.compute.job_directories import JobDirectoriesConfig

__all__ = ["DockerConfig"]


class DockerConfig(JobDirectoriesConfig):
    """Everything has a default: the engine of this machine, and Python's own image."""

    image: str = Field(
        "python:3.12-slim", min_length=1, description="Image of runs whose environment is not of kind docker."
    )
    python: str = Field("python3", min_length=1, description="The Python of the runner in images, 3.8 or newer.")
    engine: str | None = Field(
        None, pattern=r"^unix:///.+$", description="unix:///PATH of the engine's socket; DOCKER_HOST by default."
    )
    network: str = Field("bridge", pattern=r"^[\w.-]+$", description="Network of containers: bridge, host, none, …")
