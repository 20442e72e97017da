"""The container groups of a service, as pure values.

Source: Microsoft's specification ``containerInstance.json`` (2023-05-01): ports, secret and emptyDir volumes, probes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aml_backends.aci.config import AciConfig
    from aml_backends.aci.services.config import AciServiceConfig
    from aml_plugins.services.contract import DeploymentSpec
    from aml_plugins.store.records import ServiceRecord

__all__ = [
    "CONTROL_PORT",
    "FRONT",
    "HIDDEN",
    "PORT",
    "SCORING",
    "Hidden",
    "front_body",
    "front_name",
    "version_body",
    "version_name",
]

HIDDEN = "***"
PORT, CONTROL_PORT = 5001, 8081
SCORING, FRONT = "scoring", "front"
_KEYS, _TLS, _STATE = "/opt/aml/keys", "/opt/aml/tls", "/opt/aml/front"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What a group needs and a plan does not show.

    :param variables: all of a version's variables: which of them are secrets, nobody can say any more.
    :param inner_key: what the front shows a version.
    :param control: the secret that signs routes.
    :param registry: user and password of the image's registry.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    inner_key: str = field(default=HIDDEN, repr=False)
    control: str = field(default=HIDDEN, repr=False)
    registry: tuple[str, str] | None = field(default=None, repr=False)
    certificate: tuple[str, str] = field(default=(HIDDEN, HIDDEN), repr=False)


def version_body(spec: DeploymentSpec, config: AciServiceConfig, target: AciConfig, hidden: Hidden) -> dict[str, Any]:
    """Return the group of one version."""
    requests: dict[str, Any] = {"cpu": config.cpu, "memoryInGB": config.memory_gb}
    if config.gpu:
        requests["gpu"] = {"count": config.gpu, "sku": target.gpu_sku}
    listening = ["--host", "0.0.0.0", "--port", str(PORT), "--worker_count", str(spec.replicas)]  # noqa: S104  its own
    variables = [{"name": name, "secureValue": value} for name, value in sorted(hidden.variables.items())]
    container = {
        "image": str(spec.image.location),
        "command": ["python3", "-m", "aml_scoring", *listening],
        "environmentVariables": [*variables, {"name": "AML_SCORING_KEYS_FILE", "value": f"{_KEYS}/keys"}],
        "resources": {"requests": requests},
        "volumeMounts": [{"name": "keys", "mountPath": _KEYS, "readOnly": True}],
    }
    volumes = [{"name": "keys", "secret": {"keys": _encoded(f"{hidden.inner_key}\n")}}]
    properties = _group({"name": SCORING, "properties": container}, [PORT], volumes, config)
    tags = {**_tags(spec.service), "aml-deployment": spec.key}
    return {"location": target.region, "tags": tags, "properties": properties | _registry(spec, hidden)}


def front_body(spec: DeploymentSpec, config: AciServiceConfig, target: AciConfig, hidden: Hidden) -> dict[str, Any]:
    """Return the group that has the service's address. Its routes lie in a directory that outlives its container."""
    command = ["python3", "-m", "aml_scoring.front", _STATE, str(config.port), "--host", "0.0.0.0"]  # noqa: S104
    command += ["--control_port", str(CONTROL_PORT)]
    mounts: list[dict[str, Any]] = [{"name": "state", "mountPath": _STATE}]
    volumes: list[dict[str, Any]] = [{"name": "state", "emptyDir": {}}]
    if config.tls_certificate:
        command += ["--certificate", f"{_TLS}/tls.crt", "--private_key", f"{_TLS}/tls.key"]
        certificate, key = (_encoded(text) for text in hidden.certificate)
        mounts.append({"name": "tls", "mountPath": _TLS, "readOnly": True})
        volumes.append({"name": "tls", "secret": {"tls.crt": certificate, "tls.key": key}})
    scheme = "https" if config.tls_certificate else "http"
    container = {
        "image": str(spec.image.location),
        "command": command,
        "environmentVariables": [{"name": "AML_FRONT_SECRET", "secureValue": hidden.control}],
        "resources": {"requests": {"cpu": 0.5, "memoryInGB": 0.5}},
        "volumeMounts": mounts,
        "livenessProbe": {
            "httpGet": {"path": "/", "port": CONTROL_PORT, "scheme": scheme},
            "periodSeconds": 10,
            "failureThreshold": 6,
        },
    }
    properties = _group({"name": FRONT, "properties": container}, [config.port, CONTROL_PORT], volumes, config)
    if config.subnet is None:
        properties["ipAddress"]["dnsNameLabel"] = config.dns_name_label or _label(spec.service)
    properties |= _registry(spec, hidden)
    return {"location": target.region, "tags": _tags(spec.service), "properties": properties}


def version_name(key: str) -> str:
    """Return the name of a version's group."""
    return f"aml-{key}"


def front_name(service_id: str) -> str:
    """Return the name of the group that has the address."""
    return f"aml-{service_id[:20]}-front"


def _group(
    container: Mapping[str, Any], ports: Sequence[int], volumes: list[dict[str, Any]], config: AciServiceConfig
) -> dict[str, Any]:
    """Return the properties of a group of one container."""
    address = {"type": _kind(config), "ports": [{"port": port, "protocol": "TCP"} for port in ports]}
    properties: dict[str, Any] = {
        "osType": "Linux",
        "restartPolicy": "Always",
        "ipAddress": address,
        "volumes": volumes,
        "containers": [{**container, "properties": {**container["properties"], "ports": address["ports"]}}],
    }
    if config.subnet is not None:
        properties["subnetIds"] = [{"id": config.subnet}]
    return properties


def _registry(spec: DeploymentSpec, hidden: Hidden) -> dict[str, Any]:
    if hidden.registry is None:
        return {}
    user, password = hidden.registry
    server = str(spec.image.location).partition("/")[0]
    return {"imageRegistryCredentials": [{"server": server, "username": user, "password": password}]}


def _tags(service: ServiceRecord) -> dict[str, str]:
    """Return tags that tell a service's groups; no compute target takes them for runs of its own."""
    return {"aml-service": service.service_id, "aml-service-name": service.name}


def _label(service: ServiceRecord) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", service.name.lower()).strip("-")
    return f"{plain[:40] or 'service'}-{service.service_id[:8]}"


def _kind(config: AciServiceConfig) -> str:
    return "Public" if config.subnet is None else "Private"


def _encoded(text: str) -> str:
    return text if text == HIDDEN else base64.b64encode(text.encode()).decode()
