"""``mlflow run DIR --backend aml --backend-config target.json``: a project directory as a run of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import ExecutionException, MlflowException  # noqa: TID253  loaded by MLflow only
from mlflow.projects.backend.abstract_backend import AbstractBackend  # noqa: TID253  likewise

from aml_plugins.errors import AmlError, NotFoundError
from aml_plugins.store.opening import shown_uri

if TYPE_CHECKING:
    from mlflow.projects.submitted_run import SubmittedRun

__all__ = ["AmlProjectBackend", "project_backend"]


def project_backend() -> AbstractBackend:
    """Return the backend that MLflow knows as ``aml`` (group ``mlflow.project_backend``)."""
    return AmlProjectBackend()


class AmlProjectBackend(AbstractBackend):
    """Hands a project to ``aml_plugins.runs.project``."""

    def run(  # noqa: PLR0917  MLflow's signature
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, Any] | None,
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> SubmittedRun:
        """Submit an entry point; it returns at once.

        :param backend_config: the user's JSON, with MLflow's own keys among it.
        :raises ExecutionException: for a mistake; the ``mlflow`` command shows its sentence without a traceback.
        """
        from aml_plugins.runs.project import submit_project  # noqa: PLC0415  loads what submitting needs

        try:
            return submit_project(
                project_uri,
                entry_point=entry_point,
                parameters=params or {},
                version=version,
                backend_config=backend_config,
                tracking_uri=tracking_uri,
                experiment_id=experiment_id,
            )
        except NotFoundError as error:
            place = f"MLflow works on {shown_uri(tracking_uri)}; MLFLOW_TRACKING_URI names another store."
            raise ExecutionException(f"{error} {place}") from error
        except (AmlError, MlflowException) as error:
            raise ExecutionException(str(error)) from error
