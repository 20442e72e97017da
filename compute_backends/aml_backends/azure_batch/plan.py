"""What is asked of Batch, as pure values: the pool, an experiment's job, a run's task."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aml_backends.azure_batch.config import AzureBatchConfig
from aml_backends.azure_batch.instances import instances
from aml_plugins.compute import JobSpec
from aml_plugins.compute.courier import courier_command
from aml_plugins.compute.image_registry import registry_of
from aml_plugins.compute.staging import RESULTS, STATUS

__all__ = ["Addresses", "autoscale_formula", "job_body", "job_id", "job_marks", "pool_body", "task_body"]

PREFIX = "aml-"
PREPARATION = timedelta(hours=1)
"""What a job may take for its environment and its files besides the script's own time limit, which the runner keeps."""
HIDDEN = "***"
_LONGEST_ID = 64
_FILES = ("runner.pyz", "job.json", "snapshot.zip")
_TAIL = ("std_log.txt",)
_DIRECTORY = '"$AZ_BATCH_TASK_WORKING_DIR"'


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a task's files are, and what opens its registry; secrets all of them, and hidden in a plan.

    :param container: a signed container URL for Batch's own upload; None where the courier uploads.
    :param folder: below the container, for this job.
    :param others: what the courier sends from nodes besides the first, where to.
    """

    files: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(_FILES, HIDDEN), repr=False)
    container: str | None = field(default=HIDDEN, repr=False)
    folder: str = ""
    delivery: Mapping[str, str] = field(default_factory=dict, repr=False)
    others: Sequence[Mapping[str, str]] = field(default=(), repr=False)
    registry_password: str | None = field(default=HIDDEN, repr=False)


def job_id(config: AzureBatchConfig, spec: JobSpec, target: str) -> str:
    """Return the id of the Batch job for a run's experiment: readable, and never that of another target."""
    workspace, experiment = spec.workspace, spec.display.get("experiment", "")
    whole = json.dumps([config.pool.lower(), workspace, target, experiment])
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{workspace}-{experiment}").strip("-")
    return f"{PREFIX}{readable[: _LONGEST_ID - len(PREFIX) - 9].strip('-')}-{digest}"


def pool_body(config: AzureBatchConfig, workspace: str, target: str) -> dict[str, Any]:
    """Return the pool as it is created."""
    publisher, offer, sku, *version = config.image.split(":")
    machine: dict[str, Any] = {
        "imageReference": {"publisher": publisher, "offer": offer, "sku": sku, "version": (version or ["latest"])[0]},
        "nodeAgentSKUId": config.node_agent,
    }
    if config.containers:
        machine["containerConfiguration"] = {"type": "dockerCompatible"}
    body: dict[str, Any] = {
        "id": config.pool,
        "vmSize": config.vm_size,
        "virtualMachineConfiguration": machine,
        "taskSlotsPerNode": config.slots_per_node,
        "taskSchedulingPolicy": {"nodeFillType": "pack"},
        "enableAutoScale": True,
        "autoScaleFormula": autoscale_formula(config),
        "autoScaleEvaluationInterval": "PT5M",
        "metadata": job_marks(workspace, target),
    }
    if config.multi_node:
        body["enableInterNodeCommunication"] = True
    if config.start_command is not None:
        body["startTask"] = {
            "commandLine": shlex.join(["/bin/sh", "-c", config.start_command]),
            "userIdentity": {"autoUser": {"scope": "pool", "elevationLevel": "admin"}},
            "waitForSuccess": True,
            "maxTaskRetryCount": 1,
        }
    return body


def autoscale_formula(config: AzureBatchConfig) -> str:
    """Return the formula: as many nodes as there is work, to zero after the idle time, never under a running task."""
    kind = "$TargetDedicatedNodes" if config.vm_priority == "dedicated" else "$TargetLowPriorityNodes"
    slots = config.slots_per_node
    return (
        "known = $PendingTasks.GetSamplePercent(TimeInterval_Second * 180);\n"
        f"tasks = known < 70 ? {config.min_nodes * slots} : "
        f"max($PendingTasks.GetSample(TimeInterval_Second * {config.idle_seconds_before_scaledown}));\n"
        f"nodes = (tasks + {slots - 1}) / {slots};\n"
        f"{kind} = max({config.min_nodes}, min({config.max_nodes}, nodes));\n"
        f"{_spot(config)}"
        "$NodeDeallocationOption = taskcompletion;"
    )


def _spot(config: AzureBatchConfig) -> str:
    """Return the line for spot nodes beside dedicated ones: they take what those leave."""
    left = f"nodes - {config.max_nodes}"
    return f"$TargetLowPriorityNodes = max(0, min({config.max_spot_nodes}, {left}));\n" if config.max_spot_nodes else ""


def job_marks(workspace: str, target: str) -> list[dict[str, str]]:
    """Return the metadata by which a target knows its own jobs again."""
    return [{"name": "aml-workspace", "value": workspace}, {"name": "aml-target", "value": target}]


def job_body(config: AzureBatchConfig, spec: JobSpec, target: str) -> dict[str, Any]:
    """Return the job of the run's experiment. It ends with nobody's task: the next run may come at any time."""
    return {
        "id": job_id(config, spec, target),
        "displayName": f"{spec.workspace}/{spec.display.get('experiment', '')}"[:1024],
        "priority": config.priority,
        "poolInfo": {"poolId": config.pool},
        "onAllTasksComplete": "noaction",
        "metadata": job_marks(spec.workspace, target),
    }


def task_body(config: AzureBatchConfig, spec: JobSpec, key: str, addresses: Addresses, *, hide: bool) -> dict[str, Any]:
    """Return the task of a run.

    :param hide: whether values of environment variables are left out, as in a plan.
    """
    body: dict[str, Any] = {
        "id": key,
        "displayName": str(spec.display.get("run", spec.run_id))[:1024],
        "environmentSettings": _environment(spec, key, addresses, hide=hide),
        "constraints": {"maxTaskRetryCount": 0, "retentionTime": "P7D"},
    }
    if spec.node_count > 1:
        body["commandLine"] = "/bin/sh -c true"
        body["multiInstanceSettings"] = instances(config, spec, addresses.files)
    else:
        body |= _of_one_node(config, addresses)
    if spec.time_limit_seconds is not None:
        limit = spec.time_limit_seconds + PREPARATION.total_seconds()
        body["constraints"]["maxWallClockTime"] = f"PT{int(limit)}S"
    return body | _containers(spec, addresses)


def _of_one_node(config: AzureBatchConfig, addresses: Addresses) -> dict[str, Any]:
    """Batch starts no shell; this one puts in what only the node knows, its directory."""
    command = shlex.join(courier_command(config.python, "runner.pyz", "."))
    task: dict[str, Any] = {
        "commandLine": shlex.join(["/bin/sh", "-c", f"cd {_DIRECTORY} && exec {command}"]),
        "resourceFiles": [{"httpUrl": url, "filePath": name} for name, url in sorted(addresses.files.items())],
    }
    return task if addresses.container is None else {**task, "outputFiles": _outputs(addresses)}


def _environment(spec: JobSpec, key: str, addresses: Addresses, *, hide: bool) -> list[dict[str, str]]:
    orders = json.dumps({"deliver": dict(addresses.delivery), "others": [dict(urls) for urls in addresses.others]})
    nodes = {"AML_NODE_COUNT": str(spec.node_count)} | ({"AML_NODE_RANK": "0"} if spec.node_count == 1 else {})
    variables = {**spec.environment_variables, **nodes, "AML_JOB_KEY": key, "AML_COURIER": orders}
    shown = {"AML_JOB_KEY", *nodes} if hide else set(variables)
    return [{"name": name, "value": variables[name] if name in shown else HIDDEN} for name in sorted(variables)]


def _outputs(addresses: Addresses) -> list[dict[str, Any]]:
    """A file that is not there is no failure; what a failed job leaves is as good as a good one's."""
    return [
        {
            "filePattern": name,
            "destination": {"container": {"containerUrl": addresses.container, "path": f"{addresses.folder}{name}"}},
            "uploadOptions": {"uploadCondition": "taskcompletion"},
        }
        for name in (RESULTS, STATUS, *_TAIL)
    ]


def _containers(spec: JobSpec, addresses: Addresses) -> dict[str, Any]:
    environment: Mapping[str, Any] = spec.environment
    if environment.get("kind") != "docker":
        return {}
    options = list(environment.get("arguments") or ())
    if environment.get("shm_size"):
        options.append(f"--shm-size={environment['shm_size']}")
    if spec.node_count > 1 and not any(option.partition("=")[0] in {"--network", "--net"} for option in options):
        options.append("--network=host")  # nodes know each other by the nodes' addresses
    settings: dict[str, Any] = {"imageName": environment.get("image"), "containerRunOptions": shlex.join(options)}
    registry = registry_of(spec)
    if registry.get("address") or registry.get("username"):
        settings["registry"] = {
            "registryServer": registry.get("address"),
            "username": registry.get("username"),
            "password": addresses.registry_password,
        }
    return {"containerSettings": settings}
