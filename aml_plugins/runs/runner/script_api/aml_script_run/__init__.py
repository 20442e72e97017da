"""The ``Run`` that scripts written for Azure ML v1 meet: what they log is appended to a file of records.

Standard library only, CPython 3.8 and newer. The core reads the records (``aml_plugins.runs.records``) and writes
them to MLflow; the script needs no route to anything.
"""

from __future__ import annotations

from .errors import (
    ActivityFailedException,
    AzureMLException,
    ModelPathNotFoundException,
    NotAvailableException,
    RunEnvironmentException,
    UserErrorException,
)
from .offline import _OfflineRun
from .run import Run, _SubmittedRun, get_run
from .session import inside_a_run
from .workspace import Experiment, Workspace

__all__ = [
    "ActivityFailedException",
    "AzureMLException",
    "Experiment",
    "ModelPathNotFoundException",
    "NotAvailableException",
    "Run",
    "RunEnvironmentException",
    "UserErrorException",
    "Workspace",
    "_OfflineRun",
    "_SubmittedRun",
    "get_run",
    "inside_a_run",
]
