"""Settings of a compute target of type ``local``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pydantic import Field, field_validator

from aml_plugins.compute import TargetConfig

__all__ = ["LocalConfig"]


def _processors() -> int:
    """Return how many processors this process may use: in a container, often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalConfig(TargetConfig):
    """Everything has a default: the target ``local`` is there without being attached.

    :param max_parallel_runs: by default as many as there are processors.
    """

    max_parallel_runs: int | None = Field(default_factory=_processors, ge=1)
    python: str = Field(
        default_factory=lambda: sys.executable,
        min_length=1,
        description="Path of the Python that runs the runner, and scripts whose environment names no other.",
    )
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
