"""Services as Deployments of a Kubernetes cluster."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from aml_backends.aks.backend import AksBackend
from aml_backends.aks.services.config import AksServiceConfig
from aml_backends.aks.services.front import front_bodies
from aml_backends.aks.services.names import ROLE, SERVICE, front_labels, front_name, version_labels, version_name
from aml_backends.aks.services.pulling import check_image, give_credentials
from aml_backends.aks.services.routing import FrontOf, poke
from aml_backends.aks.services.states import status_of
from aml_backends.aks.services.version import body, keys_name, pull_name, secret_body, version_bodies
from aml_plugins.errors import PluginError
from aml_plugins.services.captured_elsewhere import capture_variables
from aml_plugins.services.contract import (
    DeploymentSpec,
    DeploymentState,
    DeploymentStatus,
    ServiceBackend,
    ServiceConfig,
    ServiceKeys,
    target_name,
)
from aml_plugins.services.variables import plain_variables, scoring_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aml_backends.aks.cluster import Cluster
    from aml_backends.aks.config import AksConfig
    from aml_plugins.json_types import JsonObject
    from aml_plugins.services.contract import Route, Routing
    from aml_plugins.store.records import ServiceRecord

__all__ = ["AksService"]

_VERSION_KINDS = ("horizontal_pod_autoscaler", "pod_disruption_budget", "deployment", "service", "secret")
_FRONT_KINDS = ("ingress", "service", "pod_disruption_budget", "deployment", "config_map")
_HIDDEN = "***"


class AksService(ServiceBackend):
    """A Deployment and a Service a version, named after its key; a front for all versions of a service."""

    type_name: ClassVar[str] = "aks"
    config_model: ClassVar[type[ServiceConfig]] = AksServiceConfig
    needs_target: ClassVar[bool] = True

    def plan(self, spec: DeploymentSpec) -> JsonObject:
        check_image(spec)
        config, target = _settings(spec), self._target(spec.service).config
        hidden = dict.fromkeys(sorted({*plain_variables(spec), *spec.config.variables, *self._capture(spec)}), _HIDDEN)
        versions = [secret_body(spec, {}) | {"stringData": hidden, "data": {}}, *version_bodies(spec, config, target)]
        front = front_bodies(spec.service.service_id, str(spec.image.location), config, target)
        return {"namespace": target.namespace, "version": versions, "front": front}

    def submit(self, spec: DeploymentSpec) -> JsonObject:
        check_image(spec)
        target = self._target(spec.service)
        if spec.config.auth:
            self.keys(spec.service)
        give_credentials(target.cluster, spec, self.context.secrets(spec.service.workspace))
        target.cluster.apply(secret_body(spec, scoring_variables(self.context, spec) | self._capture(spec)))
        for one in version_bodies(spec, _settings(spec), target.config):
            target.cluster.apply(one)
        return self._handle(spec.key, spec.service) | {"image": spec.image.location, "fewest": _fewest(spec)}

    def find(self, key: str, service: ServiceRecord) -> JsonObject | None:
        handle, cluster = self._handle(key, service), self._cluster_of(service)
        is_there = any(cluster.find(kind, version_name(handle)) for kind in ("deployment", "secret", "service"))
        return handle if is_there else None

    def status(self, handle: JsonObject) -> DeploymentStatus:
        cluster = self._cluster(handle)
        deployment = cluster.find("deployment", version_name(handle))
        if deployment is None or cluster.find("service", version_name(handle)) is None:
            return DeploymentStatus(state=DeploymentState.FAILED, reason="It was deleted in the cluster.")
        return status_of(deployment, self._pods(handle), int(str(handle.get("fewest", 1))))

    def route(self, service: ServiceRecord, routes: Sequence[Route]) -> Routing:
        target = self._target(service)
        config = AksServiceConfig.model_validate(service.desired.get("config") or {})
        return FrontOf(target.cluster, service.service_id, config, target.config).route(routes)

    def delete(self, handle: JsonObject) -> None:
        cluster = self._cluster(handle)
        for kind in _VERSION_KINDS:
            cluster.delete(kind, version_name(handle))

    def delete_service(self, service: ServiceRecord) -> None:
        cluster = self._cluster_of(service)
        for kind in _FRONT_KINDS:
            cluster.delete(kind, front_name(service.service_id))
        for name in (keys_name(service.service_id), pull_name(service.service_id)):
            cluster.delete("secret", name)

    def logs(self, handle: JsonObject, lines: int) -> str:
        """Return the last lines of each pod, under its name where there are several."""
        cluster, pods = self._cluster(handle), self._pods(handle)
        names = [str(pod["metadata"]["name"]) for pod in pods]
        texts = [cluster.tail(name, lines) for name in names]
        if len(texts) == 1:
            return texts[0]
        return "\n".join(f"{name}:\n{text}" for name, text in zip(names, texts, strict=True) if text)

    def keys(self, service: ServiceRecord, *, regenerate: str | None = None) -> ServiceKeys:
        cluster, name = self._cluster_of(service), keys_name(service.service_id)
        found = cluster.find("secret", name)
        if found is None:
            made = ServiceKeys(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
            labels = front_labels(service.service_id)
            cluster.create("secret", body("v1", "Secret", name, labels) | {"type": "Opaque", "data": _file(made)})
            return self.keys(service)  # of whoever came first
        primary, secondary = base64.b64decode(found["data"]["keys"]).decode().split()
        if regenerate is None:
            return ServiceKeys(primary, secondary)
        fresh = secrets.token_urlsafe(32)
        made = ServiceKeys(fresh, secondary) if regenerate == "primary" else ServiceKeys(primary, fresh)
        cluster.patch("secret", name, {"data": _file(made)})
        for pod in cluster.list("pod", f"{SERVICE}={service.service_id},{ROLE}=version"):
            poke(cluster, pod, "keys")
        return made

    def _capture(self, spec: DeploymentSpec) -> dict[str, str]:
        return capture_variables(self.context, spec)

    def _handle(self, key: str, service: ServiceRecord) -> dict[str, Any]:
        return {
            "key": key,
            "service_id": service.service_id,
            "workspace": service.workspace,
            "target": target_name(service),
        }

    def _pods(self, handle: JsonObject) -> list[dict[str, Any]]:
        labels = version_labels(str(handle["service_id"]), str(handle["key"]))
        pods = self._cluster(handle).list("pod", ",".join(f"{name}={value}" for name, value in labels.items()))
        living = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        return sorted(living, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def _target(self, service: ServiceRecord) -> _Target:
        return self._open(service.workspace, target_name(service))

    def _cluster_of(self, service: ServiceRecord) -> Cluster:
        return self._target(service).cluster

    def _cluster(self, handle: JsonObject) -> Cluster:
        return self._open(str(handle["workspace"]), str(handle["target"])).cluster

    def _open(self, workspace: str, name: str) -> _Target:
        backend = self.context.backends.get(workspace, name)
        if not isinstance(backend, AksBackend):
            raise PluginError(f"The compute target '{name}' is of type '{backend.type_name}', not 'aks'.")
        return _Target(backend)


class _Target:
    """An attached cluster."""

    def __init__(self, backend: AksBackend) -> None:
        self.config: AksConfig = backend.settings
        self.cluster = backend.cluster


def _settings(spec: DeploymentSpec) -> AksServiceConfig:
    assert isinstance(spec.config, AksServiceConfig)  # noqa: S101  its own model
    return spec.config


def _fewest(spec: DeploymentSpec) -> int:
    config = _settings(spec)
    return config.autoscale_min_replicas if config.autoscale else spec.replicas


def _file(keys: ServiceKeys) -> dict[str, str]:
    return {"keys": base64.b64encode(f"{keys.primary}\n{keys.secondary}\n".encode()).decode()}
