"""Azure ML's exceptions that this API raises."""

from __future__ import annotations

from aml_script_run import (  # type: ignore[import-not-found]  # a sibling on the script's path
    ActivityFailedException,
    AzureMLException,
    ModelPathNotFoundException,
    RunEnvironmentException,
    UserErrorException,
)

__all__ = [
    "ActivityFailedException",
    "AzureMLException",
    "ModelPathNotFoundException",
    "RunEnvironmentException",
    "UserErrorException",
]
