"""Run configurations: the model, ``.aml/NAME.runconfig`` files, and Azure ML v1 files as they are."""

from __future__ import annotations

from aml_plugins.runs.configuration.environment import (
    CondaEnvironment,
    ContainerRegistry,
    DockerEnvironment,
    Environment,
    ExistingEnvironment,
    PipEnvironment,
)
from aml_plugins.runs.configuration.model import RunConfiguration
from aml_plugins.runs.configuration.quantities import memory_bytes
from aml_plugins.runs.configuration.sections import DataReference, Resources, Spark

__all__ = [
    "CondaEnvironment",
    "ContainerRegistry",
    "DataReference",
    "DockerEnvironment",
    "Environment",
    "ExistingEnvironment",
    "PipEnvironment",
    "Resources",
    "RunConfiguration",
    "Spark",
    "memory_bytes",
]
