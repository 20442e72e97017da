"""What a run knows about where it runs: the variables that the runner set, and ``job.json``."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Mapping

from .errors import NotAvailableException


class Surroundings:
    """Where this process' run is, and where its records and uploads go."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.run_id = variables.get("AML_RUN_ID", "")
        self.records = variables.get("AML_RECORDS", "")
        self.directory = variables.get("AML_JOB_DIRECTORY") or os.path.dirname(os.path.abspath(self.records or "."))
        job = _job(self.directory)
        self.parent_run_id = variables.get("AML_PARENT_RUN_ID") or job.get("parent_run_id") or None
        self.experiment = variables.get("AML_EXPERIMENT") or job.get("experiment") or "Default"
        self.workspace = variables.get("AML_WORKSPACE") or variables.get("MLFLOW_WORKSPACE") or "default"
        self.target = variables.get("AML_TARGET") or "local"

    @property
    def complete(self) -> bool:
        """Whether there is a run around this process."""
        return bool(self.run_id and self.records)

    @property
    def uploads(self) -> str:
        """Return the directory for copies of uploaded files, one directory a run."""
        return os.path.join(self.directory, "uploads")


class Workspace:
    """The workspace of a run: its name."""

    def __init__(self, name: str = "default", *_: Any, **__: Any) -> None:
        self.name = name

    @classmethod
    def from_config(cls, *_: Any, **__: Any) -> Workspace:
        """Return the workspace of the run around this process."""
        here = Surroundings(os.environ)
        if not here.complete:
            raise NotAvailableException("Workspace.from_config()", "Outside a run, use aml_plugins.Workspace.")
        return cls(here.workspace)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotAvailableException(
            f"Workspace.{name}", "Use aml_plugins.Workspace where the workspace's store can be reached."
        )

    def __repr__(self) -> str:
        return f"Workspace(name='{self.name}')"


class Experiment:
    """The experiment of a run: its name and its workspace."""

    def __init__(self, workspace: Workspace, name: str, *_: Any, **__: Any) -> None:
        self.workspace = workspace
        self.name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotAvailableException(
            f"Experiment.{name}", "Submit runs with aml_plugins.Experiment, or use run.child_run() in a script."
        )

    def __repr__(self) -> str:
        return f"Experiment(name='{self.name}', workspace={self.workspace!r})"


def child_run_id(parent: str, key: str) -> str:
    """Return the id of a child run: derived, so that no script can name a run that is not its own."""
    return hashlib.sha256(f"aml-child\0{parent}\0{key}".encode("utf-8", "replace")).hexdigest()[:32]


def _job(directory: str | None) -> dict[str, Any]:
    try:
        with open(os.path.join(directory or ".", "job.json"), encoding="utf-8") as file:
            job = json.load(file)
    except (OSError, ValueError):
        return {}
    return job if isinstance(job, dict) else {}
