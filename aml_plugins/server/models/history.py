"""MLflow's side of a run, where MLflow's own API has no place for it: runs under a chosen id, files, models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from aml_plugins.server.models.values import Identifier, Prose, RunId, Strict

__all__ = ["Artifact", "MlflowRunBody", "MlflowStatusBody", "Model", "ModelBody"]

Tags = dict[Annotated[str, Field(min_length=1, max_length=250)], Prose]
Milliseconds = Annotated[int, Field(ge=0, le=2**53)]


class MlflowRunBody(Strict):
    """An MLflow run to create; times are milliseconds since the epoch."""

    experiment_id: Annotated[str, Field(pattern="^[0-9]{1,18}$")]
    name: Annotated[str, Field(max_length=250)] | None = None
    tags: Tags = Field(default_factory=dict)
    user: Annotated[str, Field(max_length=256)] = ""
    parent_run_id: Annotated[str, Field(max_length=250)] | None = None
    start_time: Milliseconds | None = None


class MlflowStatusBody(Strict):
    """MLflow's status as the job has it, and tags with it."""

    status: Literal["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"]
    end_time: Milliseconds | None = None
    tags: Tags = Field(default_factory=dict)


class Artifact(Strict):
    """A file or directory of a run."""

    path: str
    is_directory: bool
    size: int | None


class ModelBody(Strict):
    """A file or directory of a run to register as the next version of a model."""

    name: Identifier
    run_id: RunId
    path: Annotated[str, Field(max_length=4000)]
    tags: Tags = Field(default_factory=dict)


class Model(Strict):
    """A version of a registered model."""

    name: str
    version: str
    source: Prose
    run_id: str | None
    tags: dict[str, str]
