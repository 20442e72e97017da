"""What a run knows about where it runs: the variables that the runner set, and ``job.json``."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Mapping


class Surroundings:
    """Where this process' run is, and where its records and uploads go."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.run_id = variables.get("AML_RUN_ID", "")
        self.records = variables.get("AML_RECORDS", "")
        self.directory = variables.get("AML_JOB_DIRECTORY") or os.path.dirname(os.path.abspath(self.records or "."))
        job = job_of(self.directory)
        self.parent_run_id = variables.get("AML_PARENT_RUN_ID") or job.get("parent_run_id") or None
        self.experiment = variables.get("AML_EXPERIMENT") or job.get("experiment") or "Default"
        self.workspace = variables.get("AML_WORKSPACE") or variables.get("MLFLOW_WORKSPACE") or "default"
        self.target = variables.get("AML_TARGET") or "local"
        self.data = [entry for entry in job.get("data") or () if isinstance(entry, dict) and "name" in entry]

    @property
    def complete(self) -> bool:
        """Whether there is a run around this process."""
        return bool(self.run_id and self.records)

    @property
    def uploads(self) -> str:
        """Return the directory for copies of uploaded files, one directory a run."""
        return os.path.join(self.directory, "uploads")


def job_of(directory: str | None) -> dict[str, Any]:
    """Return what ``job.json`` says, nothing where there is none."""
    try:
        with open(os.path.join(directory or ".", "job.json"), encoding="utf-8") as file:
            job = json.load(file)
    except (OSError, ValueError):
        return {}
    return job if isinstance(job, dict) else {}


def child_run_id(parent: str, key: str) -> str:
    """Return the id of a child run: derived, so that no script can name a run that is not its own."""
    return hashlib.sha256(f"aml-child\0{parent}\0{key}".encode("utf-8", "replace")).hexdigest()[:32]
