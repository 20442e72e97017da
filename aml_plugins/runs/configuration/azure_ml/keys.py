"""The keys of Azure ML v1 run configurations with their defaults: azureml-core 1.61's, and what earlier ones wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aml_plugins.json_types import JsonValue

__all__ = ["DEFAULTS", "WORKBENCH", "camel_case", "is_azure_ml"]

_SHARED_DOCKER: Final[dict[str, JsonValue]] = {"sharedVolumes": True, "shmSize": "2g", "arguments": None}

DEFAULTS: Final[Mapping[str, JsonValue]] = {
    "script": None,
    "arguments": None,
    "target": "local",
    "framework": "Python",
    "communicator": "None",
    "maxRunDurationSeconds": None,
    "nodeCount": 1,
    "priority": None,
    "environment": {
        "name": None,
        "version": None,
        "environmentVariables": None,
        "python": {
            "userManagedDependencies": False,
            "interpreterPath": "python",
            "condaDependenciesFile": None,
            "condaDependencies": None,
            "baseCondaEnvironment": None,
        },
        "docker": {
            "enabled": False,
            "baseImage": None,
            "baseDockerfile": None,
            "buildContext": None,
            **_SHARED_DOCKER,
            "gpuSupport": False,
            "baseImageRegistry": {"address": None, "username": None, "password": None, "registryIdentity": None},
            "platform": {"os": "Linux", "architecture": "amd64"},
        },
        "spark": {"repositories": None, "packages": None, "precachePackages": True},
        "databricks": {
            "mavenLibraries": None,
            "pypiLibraries": None,
            "rcranLibraries": None,
            "jarLibraries": None,
            "eggLibraries": None,
        },
        "r": None,
        "inferencingStackVersion": None,
        "assetId": None,
    },
    "history": {"outputCollection": True, "snapshotProject": True, "directoriesToWatch": ["logs"]},
    "spark": {"configuration": {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1}},
    "docker": {"useDocker": False, **_SHARED_DOCKER},
    "hdi": {"yarnDeployMode": "cluster"},
    "tensorflow": {"workerCount": 1, "parameterServerCount": 1},
    "mpi": {"processCountPerNode": 1, "nodeCount": 1},
    "pytorch": {"communicationBackend": "nccl", "processCount": None, "nodeCount": 1},
    "paralleltask": {"maxRetriesPerWorker": 0, "workerCountPerNode": 1, "terminalExitCodes": None},
    "dataReferences": None,
    "data": None,
    "datacaches": None,
    "outputData": None,
    "sourceDirectoryDataStore": None,
    "amlcompute": {
        "vmSize": None,
        "vmPriority": None,
        "retainCluster": False,
        "name": None,
        "clusterMaxNodeCount": 1,
    },
    "autoClusterComputeSpecification": None,
    "kubernetescompute": {"instanceType": None},
    "credentialPassthrough": False,
    "command": None,
    "environmentVariables": None,
    "applicationEndpoints": None,
    # Written by earlier releases
    "autoPrepareEnvironment": True,
    "prepareEnvironment": True,
    "batchai": {"nodeCount": 1},
    "containerInstance": {"region": None, "cpuCores": 1, "memoryGb": 4},
}

WORKBENCH: Final = frozenset(
    {
        "argumentVector",
        "condaDependenciesFile",
        "condaFile",
        "description",
        "environmentVariables",
        "framework",
        "managedEnvironment",
        "prepareEnvironment",
        "sparkDependenciesFile",
        "target",
        "trackedRun",
        "useSampling",
    }
)
_WORKBENCH_ONLY: Final = WORKBENCH - set(DEFAULTS) - {"description"}
_OURS: Final = frozenset({"script", "arguments", "target", "environment", "spark", "data"})
_LATER: Final = frozenset({"script", "environment"})


def camel_case(key: str) -> str:
    """Return a key as Azure ML writes it: it also read ``NodeCount`` and ``node_count``."""
    first, *others = key.split("_")
    return first[:1].lower() + first[1:] + "".join(part.title() for part in others)


def is_workbench(value: Mapping[str, JsonValue]) -> bool:
    """Say whether this is a run configuration of Azure ML Workbench (2017-18); first releases of v1 kept some keys."""
    keys = {camel_case(key) for key in value}
    return bool(keys & _WORKBENCH_ONLY) and not keys & _LATER


def is_azure_ml(value: Mapping[str, JsonValue]) -> bool:
    """Say whether a file is one of Azure ML's, wherever it lies. One odd key is rather a slip in one of ours."""
    environment = value.get("environment")
    if isinstance(environment, Mapping):
        if "kind" in environment:
            return False
        if any(isinstance(environment.get(key), Mapping) for key in ("python", "docker")):
            return True
    theirs = [key for key in value if key in DEFAULTS and key not in _OURS]
    return is_workbench(value) or len(theirs) > 1
