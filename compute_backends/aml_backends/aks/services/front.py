"""What stands before a service's versions in a cluster, as pure values: the front's pods, its Service, its routes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aml_backends.aks.config import AksConfig
from aml_backends.aks.services.config import AksServiceConfig
from aml_backends.aks.services.names import front_labels, front_name
from aml_backends.aks.services.version import LEAVING_SECONDS, body, hardened, probe

__all__ = ["CONTROL_PORT", "DIGEST", "front_bodies", "front_digest", "routes_body", "scheme_of"]

FRONT_PORT, CONTROL_PORT = 8080, 8081
DIGEST = "aml-plugins/digest"
"""The annotation that tells which settings a front was made by."""
_GRACE_SECONDS = 3600
"""How long requests under way may take when a front's pod ends: as long as the longest call of a script."""
_LEAVE = f"import time; open('/tmp/draining', 'w').close(); time.sleep({LEAVING_SECONDS})"


def front_bodies(service_id: str, image: str, config: AksServiceConfig, target: AksConfig) -> list[dict[str, Any]]:
    """Return the front's objects but for its routes, the Deployment last: its annotation says that all are made."""
    found = [_service(service_id, config)]
    if config.exposure == "Ingress":
        found.append(_ingress(service_id, config))
    if config.front_replicas > 1:
        budget = body("policy/v1", "PodDisruptionBudget", front_name(service_id), front_labels(service_id))
        spec = {"maxUnavailable": 1, "selector": {"matchLabels": front_labels(service_id)}}
        found.append(budget | {"spec": spec})
    deployment = _deployment(service_id, image, config, target)
    deployment["metadata"]["annotations"] = {DIGEST: front_digest([*found, deployment])}
    return [*found, deployment]


def front_digest(bodies: list[dict[str, Any]]) -> str:
    """Return what tells fronts of different settings apart."""
    return hashlib.sha256(json.dumps(bodies, sort_keys=True).encode()).hexdigest()[:32]


def routes_body(service_id: str, routes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ConfigMap that the front's pods follow."""
    described = body("v1", "ConfigMap", front_name(service_id), front_labels(service_id))
    return described | {"data": {"routes.json": json.dumps(routes, sort_keys=True)}}


def scheme_of(config: AksServiceConfig) -> str:
    """Return ``https`` where the front itself has the certificate; an Ingress has it itself."""
    return "https" if config.tls_secret and config.exposure != "Ingress" else "http"


def _deployment(service_id: str, image: str, config: AksServiceConfig, target: AksConfig) -> dict[str, Any]:
    labels = front_labels(service_id)
    volumes: list[dict[str, Any]] = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "routes", "configMap": {"name": front_name(service_id)}},
    ]
    if scheme_of(config) == "https":
        volumes.append({"name": "tls", "secret": {"secretName": config.tls_secret, "defaultMode": 0o444}})
    pod = {
        **hardened(service_id, target),
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "containers": [_container(image, config)],
        "volumes": volumes,
    }
    spec = {
        "replicas": config.front_replicas,
        "selector": {"matchLabels": labels},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "revisionHistoryLimit": 1,
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return body("apps/v1", "Deployment", front_name(service_id), labels) | {"spec": spec}


def _container(image: str, config: AksServiceConfig) -> dict[str, Any]:
    mounts = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  in the container
        {"name": "routes", "mountPath": "/opt/aml/front", "readOnly": True},
    ]
    options = ["--host", "0.0.0.0", "--control_port", str(CONTROL_PORT)]  # noqa: S104  in the pod's own network
    options += ["--draining_file", "/tmp/draining"]  # noqa: S108  as above
    if scheme_of(config) == "https":
        mounts.append({"name": "tls", "mountPath": "/opt/aml/tls", "readOnly": True})
        options += ["--certificate", "/opt/aml/tls/tls.crt", "--private_key", "/opt/aml/tls/tls.key"]
    scheme = scheme_of(config).upper()
    return {
        "name": "front",
        "image": image,
        "command": ["python3", "-m", "aml_scoring.front", "/opt/aml/front", str(FRONT_PORT), *options],
        "ports": [{"name": "front", "containerPort": FRONT_PORT}, {"name": "control", "containerPort": CONTROL_PORT}],
        "readinessProbe": probe(CONTROL_PORT, "/ready", scheme=scheme),
        "livenessProbe": probe(CONTROL_PORT, "/", scheme=scheme, failures=10),
        "lifecycle": {"preStop": {"exec": {"command": ["python3", "-c", _LEAVE]}}},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _service(service_id: str, config: AksServiceConfig) -> dict[str, Any]:
    kind = "ClusterIP" if config.exposure == "Ingress" else config.exposure
    port = config.port or (443 if scheme_of(config) == "https" else 80)
    described = body("v1", "Service", front_name(service_id), front_labels(service_id))
    if config.exposure != "Ingress":
        described["metadata"]["annotations"] = dict(config.annotations)
    return described | {
        "spec": {
            "type": kind,
            "selector": front_labels(service_id),
            "ports": [{"name": "http", "port": port, "targetPort": FRONT_PORT}],
        }
    }


def _ingress(service_id: str, config: AksServiceConfig) -> dict[str, Any]:
    described = body("networking.k8s.io/v1", "Ingress", front_name(service_id), front_labels(service_id))
    described["metadata"]["annotations"] = dict(config.annotations)
    place = {"service": {"name": front_name(service_id), "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": place}
    spec: dict[str, Any] = {"rules": [{"host": config.host, "http": {"paths": [path]}}]}
    if config.ingress_class:
        spec["ingressClassName"] = config.ingress_class
    if config.tls_secret:
        spec["tls"] = [{"hosts": [config.host], "secretName": config.tls_secret}]
    return described | {"spec": spec}
