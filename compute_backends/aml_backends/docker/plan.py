"""What is asked of the engine for one job: a pure value, without secrets."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from aml_backends.docker.arguments import container_options
from aml_backends.docker.config import DockerConfig
from aml_plugins.compute import ComputeTarget, JobSpec, JsonObject
from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration.quantities import memory_bytes

__all__ = ["JOB", "image_of", "job_request", "labels_of"]

JOB = "/aml/job"
ENVIRONMENTS = "/aml/environments"
VARIABLES = "variables.json"

# As the runner's own bootstrap, after the variables: in the container's description, everybody could read them.
BOOTSTRAP = (
    "import json, os, sys; sys.path.insert(0, sys.argv[1]); file = sys.argv[2] + '/variables.json'; "
    "os.environ.update(json.load(open(file, encoding='utf-8')) if os.path.exists(file) else {}); "
    "os.path.exists(file) and os.unlink(file); "
    "from aml_runner.main import main; os._exit(main(sys.argv[2:]))"
)


def job_request(target: ComputeTarget, spec: JobSpec, key: str, directory: Path, environments: Path) -> dict[str, Any]:
    """Return the container's options in the words of the engine's client.

    :raises InvalidInputError: where a container on one machine cannot do it.
    """
    config = target.config
    assert isinstance(config, DockerConfig)  # noqa: S101  the core validated it against config_model
    asked = container_options([str(argument) for argument in _list(spec.environment.get("arguments"))])
    variables = asked.pop("environment", {})
    gpus = asked.pop("gpus", None)
    options: dict[str, Any] = {
        "name": key,
        "image": image_of(spec, config),
        "command": [config.python, "-I", "-S", "-X", "utf8", "-c", BOOTSTRAP, f"{JOB}/runner.pyz", JOB],
        "entrypoint": [""],  # the image's own is reset
        "user": f"{os.getuid()}:{os.getgid()}",
        "working_dir": JOB,
        "init": True,
        "labels": labels_of(target, spec.run_id),
        "network": config.network,
        "volumes": {
            str(directory): {"bind": JOB, "mode": "rw"},
            str(environments): {"bind": ENVIRONMENTS, "mode": "rw"},
        },
        # The submitter's user need not exist in the image; programs ask for a name and a home all the same.
        "environment": {"HOME": f"{JOB}/home", "USER": "aml", "LOGNAME": "aml", "AML_JOB_KEY": key, **variables},
        "log_config": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
        **_resources(spec.resources, gpus),
        **asked,
    }
    if spec.environment.get("shm_size"):
        options["shm_size"] = str(spec.environment["shm_size"])
    return options


def image_of(spec: JobSpec, config: DockerConfig) -> str:
    """Return the image's name; one that is built here is named after what it is built from."""
    environment = spec.environment if spec.environment.get("kind") == "docker" else {"image": config.image}
    if environment.get("dockerfile"):
        return f"aml-environment:{hashlib.sha256(str(environment['dockerfile']).encode()).hexdigest()[:32]}"
    return str(environment["image"])


def labels_of(target: ComputeTarget, run_id: str = "") -> dict[str, str]:
    """Return the labels of a target's containers, by which they are listed."""
    labels = {"aml.target": f"{target.workspace}/{target.name}", "aml.home": str(target.home)}
    return {**labels, "aml.run": run_id} if run_id else labels


def _resources(resources: JsonObject, gpus: str | None) -> dict[str, Any]:
    if resources.get("extended"):
        raise InvalidInputError(
            "A container on one machine knows no extended resources.", "Use cpu, memory and gpu, or another target."
        )
    options: dict[str, Any] = {}
    if resources.get("cpu"):
        options["nano_cpus"] = int(float(str(resources["cpu"])) * 1e9)
    if resources.get("memory"):
        options["mem_limit"] = options["memswap_limit"] = memory_bytes(str(resources["memory"]))
    count = resources.get("gpu") or gpus
    if count:
        options["device_requests"] = [{"Count": -1 if count == "all" else _count(count), "Capabilities": [["gpu"]]}]
    return options


def _count(value: object) -> int:
    if not str(value).isdigit():
        raise InvalidInputError(f"'{value}' is no number of GPUs for docker run.", "Write --gpus=all or --gpus=2.")
    return int(str(value))


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []
