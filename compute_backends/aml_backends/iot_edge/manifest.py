"""A module of a deployment manifest, as a pure value.

Sources: learn.microsoft.com/azure/iot-edge/module-composition and module-edgeagent-edgehub.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_backends.iot_edge.config import IotEdgeServiceConfig
    from aml_plugins.services.contract import DeploymentSpec
    from aml_plugins.store.records import ServiceRecord

__all__ = [
    "AGENT",
    "DEPLOYMENT",
    "HIDDEN",
    "HUB",
    "SERVICE",
    "Hidden",
    "Module",
    "module_name",
    "module_of",
    "own_name",
    "owner",
]

AGENT, HUB = "$edgeAgent", "$edgeHub"
HIDDEN = "***"
DEPLOYMENT, SERVICE = "AML_DEPLOYMENT", "AML_SERVICE"
"""Variables by which a module is known again: whose it is, and which version."""
PORT = 5001
_NOWHERE = "/nonexistent/keys"
_PIECE, _PIECES = 512, 8
_OTHERS = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What a module needs and a plan does not show.

    :param variables: all of the scoring server's.
    :param digests: SHA-256 digests of the callers' keys; None: anybody may call.
    :param registry: user and password of the image's registry.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    digests: str | None = field(default=None, repr=False)
    registry: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What a manifest has of one module.

    :param entry: its part of ``$edgeAgent``.
    :param registry: its part of ``registryCredentials``, by a name of ours; empty where the image needs none.
    :param routes: its routes of ``$edgeHub``, by names that begin with :func:`own_name`.
    :param twin: desired properties of its own twin.
    """

    name: str
    entry: Mapping[str, Any] = field(repr=False)
    registry: Mapping[str, Mapping[str, str]] = field(repr=False)
    routes: Mapping[str, str]
    twin: Mapping[str, Any]


def module_of(spec: DeploymentSpec, config: IotEdgeServiceConfig, hidden: Hidden) -> Module:
    """Return the module of one version.

    :raises InvalidInputError: for create options that are too long for a twin.
    """
    name = module_name(spec.service, config)
    marks = {DEPLOYMENT: spec.key, SERVICE: spec.service.service_id}
    guarded = {} if hidden.digests is None else _guarded(hidden.digests)
    variables = {**hidden.variables, **guarded, **marks}
    entry = {
        "version": str(spec.image.version),
        "type": "docker",
        "status": "running",
        "restartPolicy": config.restart_policy,
        "imagePullPolicy": "on-create",
        "settings": {"image": str(spec.image.location), **_pieces(_create_options(spec.replicas, config))},
        "env": {variable: {"value": value} for variable, value in sorted(variables.items())},
    }
    return Module(
        name=name,
        entry=entry,
        registry=_registry(spec, hidden),
        routes={f"{own_name(spec.service.service_id)}-{route}": text for route, text in config.routes.items()},
        twin=dict(config.twin),
    )


def module_name(service: ServiceRecord, config: IotEdgeServiceConfig) -> str:
    """Return the name of a service's module."""
    return config.module or _OTHERS.sub("-", service.name)[:64]


def owner(entry: Mapping[str, Any], mark: str = DEPLOYMENT) -> str | None:
    """Return whose module an entry of ``$edgeAgent`` is, None where it is not of this project.

    :param mark: ``DEPLOYMENT`` for the version's key, ``SERVICE`` for the service's id.
    """
    found = (entry.get("env") or {}).get(mark) or {}
    return str(found["value"]) if "value" in found else None


def own_name(service_id: str) -> str:
    """Return what a service's credentials and routes are called in a manifest, so that nobody else's are touched."""
    return f"aml{service_id[:20]}"


def _guarded(digests: str) -> dict[str, str]:
    """Have callers show a key. A server too old to know digests finds no file, and then lets nobody in."""
    return {"AML_SCORING_KEY_DIGESTS": digests, "AML_SCORING_KEYS_FILE": _NOWHERE}


def _create_options(replicas: int, config: IotEdgeServiceConfig) -> dict[str, Any]:
    listening = ["--host", "0.0.0.0", "--port", str(PORT), "--worker_count", str(replicas)]  # noqa: S104  its own
    host: dict[str, Any] = {}
    if config.port:
        host["PortBindings"] = {f"{PORT}/tcp": [{"HostPort": str(config.port)}]}
    if config.memory_gb:
        host["Memory"] = int(config.memory_gb * (1 << 30))
    if config.cpu:
        host["NanoCpus"] = int(config.cpu * 1_000_000_000)
    made: dict[str, Any] = {
        "Entrypoint": ["python3", "-m", "aml_scoring", *listening],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "HostConfig": host,
    }
    return _merged(made, config.create_options)


def _merged(known: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(known)
    for name, value in more.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = _merged(found[name], value) if both else copy.deepcopy(value)
    return found


def _pieces(options: Mapping[str, Any]) -> dict[str, str]:
    """Cut the create options into the pieces that twins take: createOptions, createOptions01 and so on."""
    text = json.dumps(options, separators=(",", ":"))
    if len(text) > _PIECE * _PIECES:
        raise InvalidInputError(
            f"The module's create options have {len(text)} characters, more than the {_PIECE * _PIECES} of IoT Edge.",
            "Shorten the setting create_options.",
        )
    cut = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return {"createOptions" if number == 0 else f"createOptions{number:02d}": one for number, one in enumerate(cut)}


def _registry(spec: DeploymentSpec, hidden: Hidden) -> dict[str, dict[str, str]]:
    if hidden.registry is None:
        return {}
    user, password = hidden.registry
    address = str(spec.image.location).partition("/")[0]
    return {own_name(spec.service.service_id): {"address": address, "username": user, "password": password}}
