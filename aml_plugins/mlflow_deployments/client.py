# mypy: allow-untyped-calls
# MLflow is annotated in parts.
"""MLflow's client for the target: each call is one call of the SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from click import ClickException
from mlflow.deployments import BaseDeploymentClient, PredictionsResponse  # noqa: TID253  loaded by MLflow only
from mlflow.exceptions import MlflowException  # noqa: TID253  likewise
from mlflow.protos.databricks_pb2 import (  # noqa: TID253  likewise
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)

from aml_plugins.errors import (
    AlreadyExistsError,
    AmlError,
    InvalidInputError,
    NotFoundError,
    TransientBackendError,
)
from aml_plugins.mlflow_deployments.models import image_of
from aml_plugins.mlflow_deployments.settings import DeploymentSettings
from aml_plugins.services.service import Service
from aml_plugins.workspace import Workspace

__all__ = ["AmlDeployments", "DeploymentError"]

FLAVOR = "python_function"
_BODIES = {"dataframe_split", "dataframe_records", "instances", "inputs"}


class DeploymentError(MlflowException, ClickException):  # type: ignore[misc]  # both keep a message, and it is one
    """A mistake or a refusal, as MLflow's own exception; the ``mlflow`` command says it in one sentence.

    :param error: what our SDK said.
    """

    def __init__(self, error: AmlError) -> None:
        super().__init__(str(error), error_code=_code(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance


class AmlDeployments(BaseDeploymentClient):
    """Deploys MLflow models as services; a deployment's name is the service's.

    :param target_uri: ``aml:/TARGET``; ``aml`` alone is ``aml:/local``.
    """

    def __init__(self, target_uri: str) -> None:
        super().__init__(target_uri)
        parts = urlsplit(target_uri)
        self.target = f"{parts.netloc}{parts.path}".strip("/") if parts.scheme else ""
        self.target = self.target or "local"

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        with _as_mlflow(), _opened() as workspace:
            _check(flavor, endpoint)
            settings = DeploymentSettings.read(config)
            if any(service.name == name for service in Service.list(workspace)):
                raise AlreadyExistsError(f"There is a service '{name}' already.", "Update it, or take another name.")
            image = image_of(workspace, name, model_uri, settings.image)
            more: dict[str, Any] = (
                {} if settings.timeout_seconds is None else {"timeout_seconds": settings.timeout_seconds}
            )
            service = Service.deploy(
                workspace, name, image,
                target=self.target, replicas=settings.replicas or 1, wait=settings.waits, **more, **settings.service,
            )  # fmt: skip
            return _described(service)

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        with _as_mlflow(), _opened() as workspace:
            _check(flavor, endpoint)
            settings = DeploymentSettings.read(config)
            service = Service.get(workspace, name)
            image = image_of(workspace, name, model_uri, settings.image) if model_uri else None
            service.update(
                image=image, traffic=settings.traffic, replicas=settings.replicas, wait=settings.waits,
                **settings.service,
            )  # fmt: skip
            return _described(service)

    def delete_deployment(
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        """Delete a deployment; one that is not there is fine, as MLflow wants it."""
        del config
        with _as_mlflow(), _opened() as workspace:
            _check(None, endpoint)
            if any(service.name == name for service in Service.list(workspace)):
                Service.get(workspace, name).delete()

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        with _as_mlflow(), _opened() as workspace:
            _check(None, endpoint)
            return [_described(service) for service in Service.list(workspace) if self._is_here(service)]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        with _as_mlflow(), _opened() as workspace:
            _check(None, endpoint)
            return _described(Service.get(workspace, name))

    def predict(
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        with _as_mlflow(), _opened() as workspace:
            _check(None, endpoint)
            answer = Service.get(workspace, str(deployment_name)).run(_body(inputs))
            found: PredictionsResponse = PredictionsResponse.from_json(json.dumps(answer))
            return found

    def _is_here(self, service: Service) -> bool:
        return self.target in {service.record.type, str(service.record.desired.get("target") or "")}


def _described(service: Service) -> dict[str, Any]:
    told = service.refresh().to_json()
    return {**told, "flavor": FLAVOR, "endpoint": service.record.endpoint}


def _body(inputs: Any) -> str:
    if isinstance(inputs, dict):
        return json.dumps(inputs if _BODIES & set(inputs) else {"inputs": inputs})
    from mlflow.utils.proto_json_utils import dump_input_data

    text: str = dump_input_data(inputs)
    return text


def _check(flavor: str | None, endpoint: str | None) -> None:
    if flavor not in {None, FLAVOR}:
        raise InvalidInputError(f"Services serve models as {FLAVOR}, not as '{flavor}'.", "Leave --flavor out.")
    if endpoint is not None:
        raise InvalidInputError("A service is its own endpoint.", "Leave --endpoint out.")


@contextmanager
def _opened() -> Iterator[Workspace]:
    workspace = Workspace.get()
    try:
        yield workspace
    finally:
        workspace.close()


@contextmanager
def _as_mlflow() -> Iterator[None]:
    """Say mistakes as MLflow's own exception, which its users expect."""
    try:
        yield
    except AmlError as error:
        raise DeploymentError(error) from error


def _code(error: AmlError) -> int:
    codes = (
        (AlreadyExistsError, RESOURCE_ALREADY_EXISTS),
        (NotFoundError, RESOURCE_DOES_NOT_EXIST),
        (InvalidInputError, INVALID_PARAMETER_VALUE),
        (TransientBackendError, TEMPORARILY_UNAVAILABLE),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), INTERNAL_ERROR)
