"""What one version of a service has in a cluster, as pure values.

Sources: the Kubernetes API reference of Deployment, HorizontalPodAutoscaler (``autoscaling/v2``) and
PodDisruptionBudget; its page on the termination of pods, for the pause before SIGTERM.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from aml_backends.aks.config import AksConfig
from aml_backends.aks.services.config import AksServiceConfig
from aml_backends.aks.services.names import version_labels, version_name
from aml_plugins.services.contract import DeploymentSpec

__all__ = [
    "HEALTH_PORT",
    "LEAVING_SECONDS",
    "PORT",
    "body",
    "hardened",
    "keys_name",
    "probe",
    "pull_name",
    "secret_body",
    "version_bodies",
]

PORT, HEALTH_PORT = 5001, 5000
LEAVING_SECONDS = 5
"""A pod that is to end serves on for so long: every node has then heard that it gets no new connections."""
_STOPPING_SECONDS = 15


def version_bodies(spec: DeploymentSpec, config: AksServiceConfig, target: AksConfig) -> list[dict[str, Any]]:
    """Return all but the Secret, in the order in which they are made."""
    found = [_deployment(spec, config, target), _service(spec)]
    if config.autoscale:
        found.append(_autoscaler(spec, config))
    if _fewest(spec, config) > 1:
        found.append(_disruption_budget(spec))
    return found


def secret_body(spec: DeploymentSpec, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the Secret with the variables of a version."""
    data = {name: base64.b64encode(value.encode()).decode() for name, value in sorted(variables.items())}
    return body("v1", "Secret", _name(spec), _labels(spec)) | {"type": "Opaque", "data": data}


def body(api: str, kind: str, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the beginning of an object."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": dict(labels)}}


def keys_name(service_id: str) -> str:
    """Return the name of the Secret with the service's two keys."""
    return f"aml-{service_id[:20]}-keys"


def pull_name(service_id: str) -> str:
    """Return the name of the Secret by which nodes pull the service's images; there is none for open registries."""
    return f"aml-{service_id[:20]}-pull"


def hardened(service_id: str, target: AksConfig) -> dict[str, Any]:
    """Return what all pods of services have in common."""
    optional = {
        "nodeSelector": dict(target.node_selector),
        "tolerations": [dict(toleration) for toleration in target.tolerations],
        "serviceAccountName": target.service_account,
        "imagePullSecrets": [{"name": name} for name in (*target.image_pull_secrets, pull_name(service_id))],
        "priorityClassName": target.priority_class,
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True},
        **{name: value for name, value in optional.items() if value},
    }


def probe(port: int, path: str, *, scheme: str = "HTTP", failures: int = 3) -> dict[str, Any]:
    """Return a probe of a pod's health port."""
    return {
        "httpGet": {"port": port, "path": path, "scheme": scheme},
        "periodSeconds": 2,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _deployment(spec: DeploymentSpec, config: AksServiceConfig, target: AksConfig) -> dict[str, Any]:
    labels = _labels(spec)
    pod = {
        **hardened(spec.service.service_id, target),
        "terminationGracePeriodSeconds": int(config.drain_seconds) + LEAVING_SECONDS + _STOPPING_SECONDS,
        "containers": [_container(spec, config, target)],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *_key_volumes(spec, config)],
    }
    deployment: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "revisionHistoryLimit": 1,
        "progressDeadlineSeconds": 600,
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if not config.autoscale:  # else the number is the autoscaler's
        deployment["replicas"] = spec.replicas
    described = body("apps/v1", "Deployment", _name(spec), labels)
    described["metadata"]["annotations"] = {
        "aml-plugins/workspace": spec.service.workspace,
        "aml-plugins/name": spec.service.name,
        "aml-plugins/image": f"{spec.image.name}:{spec.image.version}",
    }
    return described | {"spec": deployment}


def _container(spec: DeploymentSpec, config: AksServiceConfig, target: AksConfig) -> dict[str, Any]:
    arguments = ["--port", str(PORT), "--health_port", str(HEALTH_PORT), "--worker_count", str(config.workers)]
    container: dict[str, Any] = {
        "name": "scoring",
        "image": str(spec.image.location),
        "args": ["--host", "0.0.0.0", *arguments],  # noqa: S104  in the pod's own network
        "ports": [{"name": "scoring", "containerPort": PORT}, {"name": "health", "containerPort": HEALTH_PORT}],
        "envFrom": [{"secretRef": {"name": _name(spec)}}],
        "readinessProbe": probe(HEALTH_PORT, "/ready", failures=1),
        "livenessProbe": probe(HEALTH_PORT, "/", failures=10),
        "lifecycle": {"preStop": {"sleep": {"seconds": LEAVING_SECONDS}}},
        "resources": _resources(config, target),
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  in the container
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if config.auth:
        container["volumeMounts"].append({"name": "keys", "mountPath": "/opt/aml/keys", "readOnly": True})
        container["env"] = [{"name": "AML_SCORING_KEYS_FILE", "value": "/opt/aml/keys/keys"}]
    return container


def _key_volumes(spec: DeploymentSpec, config: AksServiceConfig) -> Sequence[Mapping[str, Any]]:
    if not config.auth:
        return []
    return [{"name": "keys", "secret": {"secretName": keys_name(spec.service.service_id), "defaultMode": 0o444}}]


def _resources(config: AksServiceConfig, target: AksConfig) -> dict[str, Any]:
    """Extended resources are requests and limits at once: only so may they be asked for (Kubernetes' rule)."""
    extended = dict(config.extended) | ({target.gpu_resource: str(config.gpu)} if config.gpu else {})
    limits = {"cpu": config.cpu_limit, "memory": config.memory_limit}
    return {
        "requests": {"cpu": config.cpu, "memory": config.memory, **extended},
        "limits": {**{name: amount for name, amount in limits.items() if amount}, **extended},
    }


def _service(spec: DeploymentSpec) -> dict[str, Any]:
    described = body("v1", "Service", _name(spec), _labels(spec))
    ports = [{"name": "http", "port": PORT, "targetPort": PORT}]
    return described | {"spec": {"type": "ClusterIP", "selector": _labels(spec), "ports": ports}}


def _autoscaler(spec: DeploymentSpec, config: AksServiceConfig) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": config.autoscale_target_utilization}
    return body("autoscaling/v2", "HorizontalPodAutoscaler", _name(spec), _labels(spec)) | {
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": _name(spec)},
            "minReplicas": config.autoscale_min_replicas,
            "maxReplicas": config.autoscale_max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
    }


def _disruption_budget(spec: DeploymentSpec) -> dict[str, Any]:
    described = body("policy/v1", "PodDisruptionBudget", _name(spec), _labels(spec))
    return described | {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": _labels(spec)}}}


def _fewest(spec: DeploymentSpec, config: AksServiceConfig) -> int:
    return config.autoscale_min_replicas if config.autoscale else spec.replicas


def _name(spec: DeploymentSpec) -> str:
    return version_name({"key": spec.key})


def _labels(spec: DeploymentSpec) -> dict[str, str]:
    return version_labels(spec.service.service_id, spec.key)
