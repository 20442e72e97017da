"""MLflow runs under ids that were chosen beforehand, and their status as the job has it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.models.history import MlflowRunBody, MlflowStatusBody
from aml_plugins.server.serving import server_of

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["MLflow runs"])

PATH = "/workspaces/{workspace}/mlflow-runs/{run_id}"
RunId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


@router.put(PATH, status_code=204)
def create_mlflow_run(request: Request, workspace: str, run_id: RunId, body: MlflowRunBody) -> Response:
    """Create an MLflow run under this id with status SCHEDULED; one that exists stays as it is."""
    values = body.model_dump(exclude={"experiment_id"})
    values["user"] = caller(request).name or body.user
    server_of(request).context.history(workspace).create_run(run_id, body.experiment_id, **values)
    return Response(status_code=204)


@router.patch(PATH, status_code=204)
def set_mlflow_status(request: Request, workspace: str, run_id: RunId, body: MlflowStatusBody) -> Response:
    """Set the status as the job has it, of a deleted run too. MLflow's own route would cancel the job with KILLED."""
    history = server_of(request).context.history(workspace)
    history.set_status(run_id, body.status, end_time=body.end_time, tags=body.tags)
    return Response(status_code=204)
