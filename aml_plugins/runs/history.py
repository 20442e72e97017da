"""Run history: what the core asks of MLflow, in one workspace. ``mlflow_store/history.py`` implements it.

The core imports this module, never MLflow: MLflow costs seconds and belongs to the leaf that speaks to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from aml_plugins.runs.states import MlflowStatus

__all__ = ["FileInfo", "Metric", "ModelVersion", "RunHistory", "RunView", "TakesFiles"]


class Metric(NamedTuple):
    """One point. ``timestamp`` in milliseconds since the epoch, as MLflow keeps it."""

    key: str
    value: float
    timestamp: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class FileInfo:
    """An artifact of a run; ``size`` in bytes, None for a directory."""

    path: str
    is_directory: bool
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run as MLflow shows it; times in milliseconds since the epoch."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    start_time: int | None
    end_time: int | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    artifact_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A version of a registered model; ``aliases`` where all versions of one model were asked for."""

    name: str
    version: str
    source: str
    run_id: str | None
    tags: Mapping[str, str]
    aliases: Sequence[str] = ()


class RunHistory(Protocol):
    """MLflow's tracking and registry in one workspace. Every write is safe to repeat."""

    def ensure_experiment(self, name: str) -> str:
        """Return the id of the experiment, created where it is missing, restored where it is deleted."""
        ...

    def create_run(
        self,
        run_id: str,
        experiment_id: str,
        *,
        name: str | None,
        tags: Mapping[str, str],
        user: str = "",
        parent_run_id: str | None = None,
        start_time: int | None = None,
    ) -> None:
        """Create the run under this id with status SCHEDULED; one that exists stays as it is."""
        ...

    def set_status(
        self,
        run_id: str,
        status: MlflowStatus,
        *,
        end_time: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Set MLflow's status and tags, of a deleted run too; ``end_time`` in milliseconds with a final status."""
        ...

    def log(
        self,
        run_id: str,
        *,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write any number of metrics, params and tags. Repeated points are stored once."""
        ...

    def upload(self, run_id: str, local: Path, artifact_path: str = "") -> None:
        """Store a file under the directory ``artifact_path``, or a directory's contents below it.

        Where the artifact store is a local directory, files are hard-linked when ``local`` cannot change any more
        (it lies in our own job directories or datastore), else copied.
        """
        ...

    def attach_snapshot(self, run_id: str, zip_file: Path, digest: str) -> None:
        """Store a snapshot, which its datastore has already, as ``snapshot/snapshot.zip`` of the run.

        :param zip_file: the same, called ``snapshot.zip``, for where it has to come from here.
        """
        ...

    def files(self, run_id: str, path: str = "") -> Sequence[FileInfo]:
        """List one directory level."""
        ...

    def download(self, run_id: str, path: str, destination: Path) -> Path:
        """Bring a file or directory below ``destination``; return where it is now."""
        ...

    def get(self, run_id: str) -> RunView: ...
    def metric_history(self, run_id: str, key: str) -> Sequence[Metric]: ...
    def children(self, run_id: str) -> Sequence[RunView]: ...

    def register_model(
        self, name: str, run_id: str, path: str, *, tags: Mapping[str, str] | None = None
    ) -> ModelVersion:
        """Register an artifact of the run as the next version of the model, created where it is missing."""
        ...

    def models(self, name: str | None = None) -> Sequence[ModelVersion]:
        """Return the newest version of each registered model, or all versions of one model, newest first."""
        ...

    def version_of_alias(self, name: str, alias: str) -> str:
        """Return the version of a model that an alias means now."""
        ...

    def download_model(self, name: str, version: str, destination: Path) -> Path:
        """Bring a model version's files below ``destination``; return where they are."""
        ...

    def script_variables(self, run_id: str) -> Mapping[str, str]:
        """Return the environment variables with which plain MLflow in the script finds this run."""
        ...


@runtime_checkable
class TakesFiles(Protocol):
    """A run history that may have a run's artifacts in a directory of this machine."""

    def take(self, run_id: str, files: Iterable[tuple[str, str]]) -> bool:
        """Store files that cannot change any more, each under an artifact path: by links where that is possible.

        :return: False where the artifacts are in no directory of this machine; nothing was stored then.
        :raises InvalidInputError: where the run was deleted.
        :raises StoreError: where a file cannot be stored.
        """
        ...
