"""The contract between the core and a compute target: the whole API that a compute plugin imports.

Light on purpose: importing it loads neither MLflow nor a cloud SDK.
"""

from aml_plugins.compute.abilities import (
    SupportsListing,
    SupportsLogs,
    SupportsProvisioning,
    SupportsReadiness,
    SupportsRecords,
    SupportsResultsInPlace,
    SupportsWaking,
)
from aml_plugins.compute.backend import ComputeBackend, ComputeTarget, TargetConfig
from aml_plugins.compute.job import JobHandle, JobPlan, JobSpec, JobStatus, LogChunk
from aml_plugins.compute.states import JobState
from aml_plugins.json_types import JsonObject, JsonValue

__all__ = [
    "ComputeBackend",
    "ComputeTarget",
    "JobHandle",
    "JobPlan",
    "JobSpec",
    "JobState",
    "JobStatus",
    "JsonObject",
    "JsonValue",
    "LogChunk",
    "SupportsListing",
    "SupportsLogs",
    "SupportsProvisioning",
    "SupportsReadiness",
    "SupportsRecords",
    "SupportsResultsInPlace",
    "SupportsWaking",
    "TargetConfig",
]
