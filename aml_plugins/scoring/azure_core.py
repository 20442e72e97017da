"""What scripts import as ``azureml.core`` and ``azureml.exceptions``, as far as a web service has it."""

from __future__ import annotations

from .model_paths import AzureMLException, Model, ModelNotFoundException, WebserviceException
from .offline_run import Run, RunEnvironmentException

__all__ = [
    "AzureMLException",
    "Model",
    "ModelNotFoundException",
    "Run",
    "RunEnvironmentException",
    "WebserviceException",
]
