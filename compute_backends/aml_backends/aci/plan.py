"""The container group of a run, as a pure value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aml_backends.aci.config import AciConfig
from aml_plugins.compute import JobSpec
from aml_plugins.compute.courier import courier_loader
from aml_plugins.compute.image_registry import registry_of
from aml_plugins.runs.configuration.quantities import memory_bytes

__all__ = ["CONTAINER", "HIDDEN", "Secrets", "group_body", "image_of", "tags_of"]

CONTAINER = "run"
HIDDEN = "***"
DIRECTORY = "/tmp/aml-job"  # noqa: S108  the container is the job's own, and its image may have another user than root
_TAG_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a group needs and a plan does not show.

    :param orders: what the courier is to fetch and deliver, by signed URLs.
    """

    orders: Mapping[str, Any] = field(default_factory=dict, repr=False)
    registry_password: str = field(default=HIDDEN, repr=False)


def group_body(config: AciConfig, spec: JobSpec, key: str, target: str, secrets: Secrets | None) -> dict[str, Any]:
    """Return the container group; without ``secrets``, as a plan shows it."""
    properties: dict[str, Any] = {
        "osType": "Linux",
        "restartPolicy": "Never",
        "containers": [
            {
                "name": CONTAINER,
                "properties": {
                    "image": image_of(config, spec),
                    "command": courier_loader(config.python, DIRECTORY),
                    "environmentVariables": _environment(spec, key, secrets),
                    "resources": {"requests": _resources(config, spec)},
                },
            }
        ],
    }
    registry = _registry(config, spec)
    if registry is not None:
        password = secrets.registry_password if secrets else HIDDEN
        properties["imageRegistryCredentials"] = [{**registry, "password": password}]
    tags = tags_of(spec.workspace, target) | {
        f"aml-{name}": value[:_TAG_LENGTH] for name, value in spec.display.items() if name != "workspace"
    }
    return {"location": config.region, "tags": tags, "properties": properties}


def tags_of(workspace: str, target: str) -> dict[str, str]:
    """Return the tags by which a target knows its own groups again."""
    return {"aml-workspace": workspace, "aml-target": target}


def image_of(config: AciConfig, spec: JobSpec) -> str:
    """Return the image of a run."""
    named = spec.environment.get("image") if spec.environment.get("kind") == "docker" else None
    return str(named or config.image)


def _environment(spec: JobSpec, key: str, secrets: Secrets | None) -> list[dict[str, str]]:
    """Return all of the script's variables as secure ones: which of them are secrets, nobody can say any more."""
    hidden = dict.fromkeys([*spec.environment_variables, "AML_COURIER"], HIDDEN)
    if secrets is not None:
        hidden = {**spec.environment_variables, "AML_COURIER": json.dumps(secrets.orders)}
    secure = [{"name": name, "secureValue": value} for name, value in sorted(hidden.items())]
    return [{"name": "AML_JOB_KEY", "value": key}, *secure]


def _resources(config: AciConfig, spec: JobSpec) -> dict[str, Any]:
    asked = spec.resources
    memory = asked.get("memory")
    found: dict[str, Any] = {
        "cpu": float(str(asked.get("cpu") or config.cpu)),
        "memoryInGB": round(memory_bytes(str(memory)) / 2**30, 1) if memory else config.memory_gb,
    }
    if asked.get("gpu"):
        found["gpu"] = {"count": int(str(asked["gpu"])), "sku": config.gpu_sku}
    return found


def _registry(config: AciConfig, spec: JobSpec) -> dict[str, Any] | None:
    """Return the registry's address and user: the run's own, else the target's."""
    own = registry_of(spec)
    if own.get("username"):
        return {"server": own.get("address"), "username": own.get("username")}
    if config.registry_server is None:
        return None
    return {"server": config.registry_server, "username": config.registry_username}
